internal import Crypto

/// One direction of ChaCha20-Poly1305 with a counting nonce: `CipherState` of the Noise specification, section 5.1.
package struct NoiseCipher: Sendable {
    private let key: SymmetricKey
    private var counter: UInt64 = 0

    /// - Precondition: 32 bytes.
    package init(key: some Collection<UInt8>) {
        precondition(key.count == 32)
        self.key = SymmetricKey(data: Array(key))
    }

    package mutating func seal(
        _ plaintext: some Collection<UInt8>, authenticating data: [UInt8] = []
    ) throws(NoiseError) -> [UInt8] {
        do {
            let box = try ChaChaPoly.seal(Array(plaintext), using: key, nonce: try nextNonce(), authenticating: data)
            return Array(box.ciphertext) + Array(box.tag)
        } catch let error as NoiseError {
            throw error
        } catch {
            throw .sealingFailed
        }
    }

    package mutating func open(
        _ ciphertext: some Collection<UInt8>, authenticating data: [UInt8] = []
    ) throws(NoiseError) -> [UInt8] {
        guard ciphertext.count >= Self.tagLength else { throw .truncated }
        do {
            let bytes = Array(ciphertext)
            let box = try ChaChaPoly.SealedBox(
                nonce: try nextNonce(), ciphertext: bytes.dropLast(Self.tagLength), tag: bytes.suffix(Self.tagLength))
            return Array(try ChaChaPoly.open(box, using: key, authenticating: data))
        } catch let error as NoiseError {
            throw error
        } catch {
            throw .notAuthentic
        }
    }

    /// Four zero bytes and the counter, little endian. The last number is reserved.
    private mutating func nextNonce() throws -> ChaChaPoly.Nonce {
        guard counter < .max else { throw NoiseError.exhausted }
        let bytes = [UInt8](repeating: 0, count: 4) + withUnsafeBytes(of: counter.littleEndian) { Array($0) }
        counter += 1
        return try ChaChaPoly.Nonce(data: bytes)
    }

    package static let tagLength = 16
}

package enum NoiseError: Error, Hashable, CustomStringConvertible {
    case truncated
    case tooLong
    /// Changed on the way, or made with another key.
    case notAuthentic
    case sealingFailed
    /// 2^64 - 1 messages were sent.
    case exhausted
    /// The other side's key is a point of low order.
    case weakKey
    case malformedPayload
    case identity(IdentityError)
    /// The identity key did not sign the key of this handshake.
    case forgedIdentity
    case unexpectedPeer(expected: PeerID, actual: PeerID)
    /// A message where none belongs.
    case unexpectedMessage

    package var description: String {
        switch self {
        case .truncated: "a Noise message is too short"
        case .tooLong: "a Noise message is too long"
        case .notAuthentic: "a Noise message is not authentic"
        case .sealingFailed: "a Noise message could not be sealed"
        case .exhausted: "the Noise connection has sent too many messages"
        case .weakKey: "the peer's Noise key is weak"
        case .malformedPayload: "the peer's handshake payload is malformed"
        case .identity(let error): "the peer's identity is not usable: \(error)"
        case .forgedIdentity: "the peer does not hold the identity it claims"
        case .unexpectedPeer(let expected, let actual): "expected peer \(expected), and found \(actual)"
        case .unexpectedMessage: "the peer sent a handshake message out of turn"
        }
    }
}
