internal import ProtobufCoding

/// What each side says of itself within the handshake: its identity, and what it could speak next.
///
/// libp2p specification, "noise-libp2p", the message `NoiseHandshakePayload`.
package struct NoisePayload: Sendable, Hashable {
    package var identityKey: [UInt8]
    package var signature: [UInt8]
    /// Nil where the sender does not take part in early negotiation.
    package var muxers: [String]?

    package init(identityKey: [UInt8], signature: [UInt8], muxers: [String]?) {
        self.identityKey = identityKey
        self.signature = signature
        self.muxers = muxers
    }

    package init(_ bytes: [UInt8]) throws(NoiseError) {
        var key: [UInt8]?
        var signature: [UInt8]?
        var muxers: [String]?
        var reader = ProtobufReader(bytes)
        do {
            while let (number, value) = try reader.next() {
                guard case .bytes(let bytes) = value else { continue }
                switch number {
                case 1: key = Array(bytes)
                case 2: signature = Array(bytes)
                case 4:
                    // The bound is on all extensions together.
                    muxers = Array(((muxers ?? []) + (try Self.muxers(bytes) ?? [])).prefix(Self.muxerCountMax))
                default: break
                }
            }
        } catch {
            throw .malformedPayload
        }
        guard let key, let signature else { throw .malformedPayload }
        identityKey = key
        self.signature = signature
        self.muxers = muxers
    }

    private static func muxers(_ extensions: ArraySlice<UInt8>) throws(ProtobufError) -> [String]? {
        var muxers: [String]?
        var reader = ProtobufReader(extensions)
        while let (number, value) = try reader.next() {
            guard number == 2, case .bytes(let bytes) = value else { continue }
            // More than anybody has; the rest would not be looked at.
            guard muxers?.count ?? 0 < muxerCountMax else { break }
            muxers = (muxers ?? []) + [String(decoding: bytes, as: UTF8.self)]
        }
        return muxers
    }

    package var bytes: [UInt8] {
        var writer = ProtobufWriter()
        writer.bytes(identityKey, field: 1)
        writer.bytes(signature, field: 2)
        if let muxers {
            var extensions = ProtobufWriter()
            for muxer in muxers { extensions.string(muxer, field: 2) }
            writer.bytes(extensions.bytes, field: 4)
        }
        return writer.bytes
    }

    /// What an identity key signs: the key that its owner uses in the handshake.
    static func signedMessage(staticKey: [UInt8]) -> [UInt8] { Array("noise-libp2p-static-key:".utf8) + staticKey }

    private static let muxerCountMax = 16
}
