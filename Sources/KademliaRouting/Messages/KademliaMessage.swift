internal import LibP2P
package import ProtobufCoding

/// A request or answer of libp2p's Kademlia.
///
/// libp2p specification, "kad-dht", the message `Message`. Fields that nobody here uses are passed over.
package struct KademliaMessage: Sendable, Hashable {
    package enum Kind: UInt64, Sendable {
        case putValue = 0
        case getValue = 1
        case addProvider = 2
        case getProviders = 3
        case findNode = 4
        case ping = 5
    }

    package var kind: Kind
    package var key: [UInt8]
    package var closerPeers: [PeerRecord]
    package var providerPeers: [PeerRecord]

    package init(
        _ kind: Kind, key: [UInt8] = [], closerPeers: [PeerRecord] = [], providerPeers: [PeerRecord] = []
    ) {
        self.kind = kind
        self.key = key
        self.closerPeers = closerPeers
        self.providerPeers = providerPeers
    }

    /// Peers beyond ``peerCountMax`` are passed over, as are those without a proper ID, and addresses that cannot be
    /// parsed or are more than ``addressCountMax``.
    package init(_ bytes: [UInt8]) throws(KademliaMessageError) {
        var kind: UInt64 = 0
        var key: [UInt8] = []
        var closer: [PeerRecord] = []
        var providers: [PeerRecord] = []
        var reader = ProtobufReader(bytes)
        do throws(ProtobufError) {
            while let (number, value) = try reader.next() {
                switch (number, value) {
                case (1, .varint(let value)): kind = value
                case (2, .bytes(let value)): key = Array(value.prefix(Self.keyLimitBytes + 1))
                case (8, .bytes(let value)) where closer.count < Self.peerCountMax:
                    if let record = try Self.record(value) { closer.append(record) }
                case (9, .bytes(let value)) where providers.count < Self.peerCountMax:
                    if let record = try Self.record(value) { providers.append(record) }
                default: break
                }
            }
        } catch {
            throw .malformed(error)
        }
        guard let kind = Kind(rawValue: kind) else { throw .unknownKind }
        guard key.count <= Self.keyLimitBytes else { throw .keyTooLong }
        self.init(kind, key: key, closerPeers: closer, providerPeers: providers)
    }

    private static func record(_ bytes: ArraySlice<UInt8>) throws(ProtobufError) -> PeerRecord? {
        var peer: PeerID?
        var addresses: [Multiaddr] = []
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            switch (number, value) {
            case (1, .bytes(let value)): peer = try? PeerID(bytes: value)
            case (2, .bytes(let value)) where addresses.count < addressCountMax:
                // Names are for those whom an administrator names: looking them up for peers would be work for strangers.
                if let address = (try? Multiaddr(bytes: value))?.withoutPeer, address.isIP { addresses.append(address) }
            default: break
            }
        }
        return peer.map { PeerRecord(peer: $0, addresses: addresses) }
    }

    /// At most ``answerLimitBytes``: peers that would make more of it are left out.
    package var bytes: [UInt8] {
        var writer = ProtobufWriter()
        writer.varint(kind.rawValue, field: 1)
        if !key.isEmpty { writer.bytes(key, field: 2) }
        for (field, records) in [(8, closerPeers), (9, providerPeers)] as [(UInt64, [PeerRecord])] {
            for record in records {
                let bytes = Self.bytes(of: record)
                guard writer.bytes.count + bytes.count <= Self.answerLimitBytes - Self.fieldBytesMax else { break }
                writer.bytes(bytes, field: field)
            }
        }
        // The cluster level: Go always says 1, and nobody reads it.
        writer.varint(1, field: 10)
        return writer.bytes
    }

    private static func bytes(of record: PeerRecord) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.bytes(record.peer.bytes, field: 1)
        for address in record.addresses.prefix(addressCountMax) { writer.bytes(address.bytes, field: 2) }
        return writer.bytes
    }

    package static let protocolID = "/spegel/kad/1.0.0"
    /// A request's length; the longest has one key and one peer.
    package static let requestLimitBytes = 64 << 10
    /// An answer's length, as Go has it: a layer that everybody has has many providers.
    package static let answerLimitBytes = 4 << 20
    /// Tag and length of one more peer, and the field that follows all of them.
    private static let fieldBytesMax = 16
    package static let keyLimitBytes = 80
    package static let peerCountMax = 1024
    package static let addressCountMax = 8
}

package enum KademliaMessageError: Error, Hashable, CustomStringConvertible {
    case malformed(ProtobufError)
    case unknownKind
    case keyTooLong
    /// An answer of another kind than the request.
    case unexpectedAnswer

    package var description: String {
        switch self {
        case .malformed(let error): "\(error)"
        case .unknownKind: "a message of an unknown kind"
        case .keyTooLong: "a key of more than \(KademliaMessage.keyLimitBytes) bytes"
        case .unexpectedAnswer: "an answer to another question"
        }
    }
}
