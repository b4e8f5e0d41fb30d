internal import Crypto

/// The handshake `Noise_XX_25519_ChaChaPoly_SHA256` with libp2p's payload, one message at a time.
///
/// Nothing of the other side is believed until the message that names its identity has been verified.
package struct NoiseHandshake: Sendable {
    package enum Role: Sendable, Hashable {
        case initiator
        case responder
    }

    package enum Progress: Sendable {
        /// To be sent; the other side answers.
        case reply([UInt8])
        case finished(NoiseOutcome, lastMessage: [UInt8]?)
    }

    private enum State: Hashable {
        /// The responder waits for message 1. Goes to `awaitingThird`.
        case awaitingFirst
        /// The initiator waits for message 2. Goes to `done`.
        case awaitingSecond
        /// The responder waits for message 3. Goes to `done`.
        case awaitingThird
        case done
    }

    private let identity: Identity
    private let expectedPeer: PeerID?
    private let muxers: [String]
    private let keys: NoiseKeys
    private let role: Role
    private var state: State
    private var symmetric = NoiseSymmetricState()
    private var remoteEphemeral: [UInt8] = []

    /// - Parameters:
    ///   - expectedPeer: who has to answer; anybody where it is nil.
    ///   - muxers: what is offered for early negotiation, in our order; none leaves it to multistream-select.
    package init(
        _ role: Role, identity: Identity, expectedPeer: PeerID? = nil, muxers: [String], keys: NoiseKeys = NoiseKeys()
    ) {
        self.role = role
        self.identity = identity
        self.expectedPeer = expectedPeer
        self.muxers = muxers
        self.keys = keys
        state = role == .initiator ? .awaitingSecond : .awaitingFirst
    }

    /// Message 1. To be called once, by the initiator, before ``receive(_:)``.
    package mutating func firstMessage() -> [UInt8] {
        precondition(role == .initiator)
        let ephemeral = keys.ephemeralPublic
        symmetric.mix(hash: ephemeral)
        // The payload is empty.
        symmetric.mix(hash: [])
        return ephemeral
    }

    package mutating func receive(_ message: [UInt8]) throws(NoiseError) -> Progress {
        guard message.count <= Self.messageLimitBytes else { throw .tooLong }
        switch state {
        case .awaitingFirst:
            state = .awaitingThird
            return .reply(try answerFirst(message))
        case .awaitingSecond:
            state = .done
            return try answerSecond(message)
        case .awaitingThird:
            state = .done
            return try answerThird(message)
        case .done: throw .unexpectedMessage
        }
    }

    /// `-> e`, answered by `<- e, ee, s, es`.
    private mutating func answerFirst(_ message: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard message.count >= Self.keyLength else { throw .truncated }
        remoteEphemeral = Array(message[..<Self.keyLength])
        symmetric.mix(hash: remoteEphemeral)
        symmetric.mix(hash: Array(message[Self.keyLength...]))

        let ephemeral = keys.ephemeralPublic
        symmetric.mix(hash: ephemeral)
        symmetric.mix(key: try keys.shared(ephemeralWith: remoteEphemeral))
        let sealedStatic = try symmetric.sealAndMix(keys.staticPublic)
        symmetric.mix(key: try keys.shared(staticWith: remoteEphemeral))
        return ephemeral + sealedStatic + (try symmetric.sealAndMix(try payload()))
    }

    /// `<- e, ee, s, es`, answered by `-> s, se`.
    private mutating func answerSecond(_ message: [UInt8]) throws(NoiseError) -> Progress {
        let sealedLength = Self.keyLength + NoiseCipher.tagLength
        guard message.count >= Self.keyLength + sealedLength else { throw .truncated }
        remoteEphemeral = Array(message[..<Self.keyLength])
        symmetric.mix(hash: remoteEphemeral)
        symmetric.mix(key: try keys.shared(ephemeralWith: remoteEphemeral))
        let remoteStatic = try symmetric.openAndMix(
            Array(message[Self.keyLength..<(Self.keyLength + sealedLength)]))
        symmetric.mix(key: try keys.shared(ephemeralWith: remoteStatic))
        let payload = try NoisePayload(try symmetric.openAndMix(Array(message[(Self.keyLength + sealedLength)...])))
        let remoteKey = try verify(payload, staticKey: remoteStatic)

        let sealedStatic = try symmetric.sealAndMix(keys.staticPublic)
        symmetric.mix(key: try keys.shared(staticWith: remoteEphemeral))
        let last = sealedStatic + (try symmetric.sealAndMix(try self.payload()))
        return .finished(outcome(remoteKey, theirMuxers: payload.muxers), lastMessage: last)
    }

    /// `-> s, se`.
    private mutating func answerThird(_ message: [UInt8]) throws(NoiseError) -> Progress {
        let sealedLength = Self.keyLength + NoiseCipher.tagLength
        guard message.count >= sealedLength else { throw .truncated }
        let remoteStatic = try symmetric.openAndMix(Array(message[..<sealedLength]))
        symmetric.mix(key: try keys.shared(ephemeralWith: remoteStatic))
        let payload = try NoisePayload(try symmetric.openAndMix(Array(message[sealedLength...])))
        let remoteKey = try verify(payload, staticKey: remoteStatic)
        return .finished(outcome(remoteKey, theirMuxers: payload.muxers), lastMessage: nil)
    }

    private func payload() throws(NoiseError) -> [UInt8] {
        let signature: [UInt8]
        do { signature = try identity.sign(NoisePayload.signedMessage(staticKey: keys.staticPublic)) } catch {
            throw .sealingFailed
        }
        return NoisePayload(
            identityKey: identity.publicKey.protobuf, signature: signature, muxers: muxers.isEmpty ? nil : muxers
        ).bytes
    }

    private func verify(_ payload: NoisePayload, staticKey: [UInt8]) throws(NoiseError) -> PublicKey {
        let key: PublicKey
        do { key = try PublicKey(protobuf: payload.identityKey) } catch { throw .identity(error) }
        guard key.isValid(signature: payload.signature, of: NoisePayload.signedMessage(staticKey: staticKey)) else {
            throw .forgedIdentity
        }
        let peer = PeerID(key)
        if let expectedPeer, peer != expectedPeer { throw .unexpectedPeer(expected: expectedPeer, actual: peer) }
        return key
    }

    private func outcome(_ remoteKey: PublicKey, theirMuxers: [String]?) -> NoiseOutcome {
        let theirs = theirMuxers ?? []
        let (first, second) = symmetric.split()
        switch role {
        case .initiator:
            return NoiseOutcome(
                remoteKey: remoteKey, muxer: muxers.first { theirs.contains($0) }, sender: first, receiver: second)
        case .responder:
            return NoiseOutcome(
                remoteKey: remoteKey, muxer: theirs.first { muxers.contains($0) }, sender: second, receiver: first)
        }
    }

    private static let keyLength = 32
    /// Far more than any payload needs.
    static let messageLimitBytes = 8192
}

/// What a handshake ends with.
package struct NoiseOutcome: Sendable {
    package let remoteKey: PublicKey
    /// What both offered early; nil leaves it to multistream-select.
    package let muxer: String?
    package let sender: NoiseCipher
    package let receiver: NoiseCipher
}
