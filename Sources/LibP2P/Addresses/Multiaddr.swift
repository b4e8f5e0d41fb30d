internal import ProtobufCoding

/// A self-describing address: a sequence of protocols with their values.
///
/// Bounds: 512 bytes, 16 components. <https://multiformats.io/multiaddr/>
package struct Multiaddr: Sendable, Hashable {
    package struct Component: Sendable, Hashable {
        package let kind: MultiaddrProtocol
        /// Without its length prefix.
        package let value: [UInt8]

        /// For values of the right form; the initialisers of ``Multiaddr`` check what comes from outside.
        init(_ kind: MultiaddrProtocol, _ value: [UInt8] = []) {
            self.kind = kind
            self.value = value
        }
    }

    package let components: [Component]

    package init(_ components: [Component]) { self.components = components }

    /// Parses the binary form. An address with a protocol that is not known here cannot be parsed, as its length is
    /// not known either.
    package init(bytes: some Collection<UInt8>) throws(MultiaddrError) {
        guard bytes.count <= Self.limitBytes else { throw .tooLong }
        var rest = ArraySlice(bytes)
        var components: [Component] = []
        while !rest.isEmpty {
            guard components.count < Self.componentCountMax else { throw .tooLong }
            let code = try Self.readVarint(&rest)
            guard let kind = MultiaddrProtocol(rawValue: code) else { throw .unknownProtocol }
            let length: Int
            switch kind.length {
            case .fixed(let count): length = count
            case .prefixed:
                let prefix = try Self.readVarint(&rest)
                guard prefix <= UInt64(rest.count) else { throw .malformed }
                length = Int(prefix)
            }
            guard rest.count >= length else { throw .malformed }
            let value = Array(rest.prefix(length))
            guard kind.isValid(value) else { throw .malformed }
            components.append(Component(kind, value))
            rest = rest.dropFirst(length)
        }
        guard !components.isEmpty else { throw .malformed }
        self.components = components
    }

    private static func readVarint(_ rest: inout ArraySlice<UInt8>) throws(MultiaddrError) -> UInt64 {
        let decoded: (value: UInt64, length: Int)?
        do { decoded = try Varint.decode(rest) } catch { throw .malformed }
        guard let decoded else { throw .malformed }
        rest = rest.dropFirst(decoded.length)
        return decoded.value
    }

    package var bytes: [UInt8] {
        components.reduce(into: []) { bytes, component in
            bytes += Varint.encode(component.kind.rawValue)
            if case .prefixed = component.kind.length { bytes += Varint.encode(component.value.count) }
            bytes += component.value
        }
    }

    package static let limitBytes = 512
    package static let componentCountMax = 16
}

/// Why something is no address.
package enum MultiaddrError: Error, Hashable, CustomStringConvertible {
    case malformed
    case tooLong
    case unknownProtocol

    package var description: String {
        switch self {
        case .malformed: "the multiaddr is malformed"
        case .tooLong: "the multiaddr is too long"
        case .unknownProtocol: "the multiaddr has an unknown protocol"
        }
    }
}
