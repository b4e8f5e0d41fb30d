/// What is worth saying of the bootstrap: why nobody was found by it, once for each reason, and that somebody is known.
package struct BootstrapNews: Sendable {
    package enum Message: Sendable, Hashable {
        /// Nobody is known, for this reason.
        case trouble(String)
        case recovered
    }

    /// Why nobody is known; nil where somebody is, or nobody was asked yet.
    package private(set) var trouble: String?
    /// Reasons that come and go are not said each time.
    private var said: Set<String> = []

    package init() {}

    /// It was asked, or time has passed.
    /// - Parameters:
    ///   - reasons: what went wrong; nil where it was not asked now.
    ///   - isAlone: nobody is known in spite of it.
    package mutating func note(_ reasons: [String]?, isAlone: Bool) -> Message? {
        guard isAlone else {
            defer { self = BootstrapNews() }
            return trouble == nil ? nil : .recovered
        }
        guard let reasons else { return nil }
        let sorted = Set(reasons).sorted()
        var text = sorted.prefix(Self.reasonMax).joined(separator: "; ")
        if sorted.isEmpty { text = Self.nobodyNamed }
        if sorted.count > Self.reasonMax { text += "; and \(sorted.count - Self.reasonMax) more" }
        trouble = text
        guard said.count < Self.saidMax, said.insert(text).inserted else { return nil }
        return .trouble(text)
    }

    package static let nobodyNamed = "it names nobody but this node"
    private static let reasonMax = 3
    private static let saidMax = 8
}
