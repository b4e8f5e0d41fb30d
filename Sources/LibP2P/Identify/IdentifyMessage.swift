package import ProtobufCoding

/// What peers tell each other of themselves, after connecting (`/ipfs/id/1.0.0`) and when it changes
/// (`/ipfs/id/push/1.0.0`).
///
/// libp2p specification, "identify". Signed peer records are passed over: they only repeat the addresses.
package struct IdentifyMessage: Sendable, Hashable {
    package var publicKey: [UInt8]?
    package var listenAddresses: [Multiaddr] = []
    package var protocols: [String] = []
    /// How the sender sees the receiver.
    package var observedAddress: Multiaddr?
    package var protocolVersion: String?
    package var agentVersion: String?
    /// Whether the fields were there, so that a push leaves the others as they are.
    package var hasAddresses = false
    package var hasProtocols = false

    package init() {}

    /// Addresses that cannot be parsed are passed over, and so are those beyond ``addressCountMax``.
    package init(_ bytes: [UInt8]) throws(ProtobufError) {
        try merge(bytes)
    }

    /// Adds what a further message of the same stream says.
    package mutating func merge(_ bytes: [UInt8]) throws(ProtobufError) {
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            guard case .bytes(let bytes) = value else { continue }
            switch number {
            case 1: publicKey = Array(bytes)
            case 2:
                hasAddresses = true
                guard listenAddresses.count < Self.addressCountMax, let address = try? Multiaddr(bytes: bytes) else {
                    continue
                }
                listenAddresses.append(address)
            case 3:
                hasProtocols = true
                guard protocols.count < Self.protocolCountMax, let text = Self.text(bytes) else { continue }
                protocols.append(text)
            case 4: observedAddress = try? Multiaddr(bytes: bytes)
            case 5: protocolVersion = Self.text(bytes)
            case 6: agentVersion = Self.text(bytes)
            default: break
            }
        }
    }

    package var bytes: [UInt8] {
        var writer = ProtobufWriter()
        if let publicKey { writer.bytes(publicKey, field: 1) }
        for address in listenAddresses { writer.bytes(address.bytes, field: 2) }
        for name in protocols { writer.string(name, field: 3) }
        if let observedAddress { writer.bytes(observedAddress.bytes, field: 4) }
        if let protocolVersion { writer.string(protocolVersion, field: 5) }
        if let agentVersion { writer.string(agentVersion, field: 6) }
        return writer.bytes
    }

    /// Nil where it is longer than any name is, or not UTF-8.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.count <= textLimitBytes else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    package static let protocolID = "/ipfs/id/1.0.0"
    package static let pushProtocolID = "/ipfs/id/push/1.0.0"
    package static let messageLimitBytes = 8192
    package static let messageCountMax = 10
    package static let addressCountMax = 32
    package static let protocolCountMax = 128
    private static let textLimitBytes = 256
}
