#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Multiaddr: CustomStringConvertible {
    /// Parses `/ip4/10.0.0.5/tcp/5001/p2p/12D3Koo…`. The older name `ipfs` of `p2p` is understood.
    package init(_ text: some StringProtocol) throws(MultiaddrError) {
        guard text.utf8.count <= 4 * Self.limitBytes else { throw .tooLong }
        var words = text.split(separator: "/", omittingEmptySubsequences: false)[...]
        guard words.popFirst()?.isEmpty == true else { throw .malformed }
        if words.last?.isEmpty == true { words.removeLast() }
        var components: [Component] = []
        while let name = words.popFirst() {
            guard components.count < Self.componentCountMax else { throw .tooLong }
            guard let kind = MultiaddrProtocol.allCases.first(where: { $0.name == (name == "ipfs" ? "p2p" : name) })
            else { throw .unknownProtocol }
            guard kind.length != .fixed(0) else {
                components.append(Component(kind))
                continue
            }
            guard let word = words.popFirst(), let value = kind.value(String(word)), kind.isValid(value) else {
                throw .malformed
            }
            components.append(Component(kind, value))
        }
        guard !components.isEmpty else { throw .malformed }
        self.init(components)
        guard bytes.count <= Self.limitBytes else { throw .tooLong }
    }

    package var description: String {
        components.map { component in
            component.kind.length == .fixed(0)
                ? "/\(component.kind.name)" : "/\(component.kind.name)/\(component.kind.text(component.value))"
        }.joined()
    }
}

extension MultiaddrProtocol {
    /// Nil where `text` is no value of this protocol.
    fileprivate func value(_ text: String) -> [UInt8]? {
        switch self {
        case .ip4: IPText.parse(text, family: AF_INET, count: 4)
        case .ip6: IPText.parse(text, family: AF_INET6, count: 16)
        case .tcp, .udp:
            text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                ? UInt16(text).map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } : nil
        case .p2p: (try? PeerID(text))?.bytes
        default: Array(text.utf8)
        }
    }

    fileprivate func text(_ value: [UInt8]) -> String {
        switch self {
        case .ip4: IPText.print(value, family: AF_INET)
        case .ip6: IPText.print(value, family: AF_INET6)
        case .tcp, .udp: String(UInt16(value[0]) << 8 | UInt16(value[1]))
        case .p2p: BaseText.base58.encode(value)
        default: String(decoding: value, as: UTF8.self)
        }
    }
}

/// IP addresses between text and bytes, as the system's own functions have it.
enum IPText {
    /// The 4 or 16 bytes of an address of either family.
    static func parse(_ text: String) -> [UInt8]? {
        parse(text, family: AF_INET, count: 4) ?? parse(text, family: AF_INET6, count: 16)
    }

    static func parse(_ text: String, family: Int32, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }

    static func print(_ bytes: [UInt8], family: Int32) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
