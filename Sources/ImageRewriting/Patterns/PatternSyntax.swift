/// A regular expression as a tree.
indirect enum PatternSyntax {
    case empty
    case set(ScalarSet)
    case sequence([PatternSyntax])
    case alternatives([PatternSyntax])
    /// `most` is nil where there is no limit.
    case repetition(PatternSyntax, least: Int, most: Int?, isGreedy: Bool)
    case group(PatternSyntax, number: Int)
    case assertion(PatternAssertion)
}

/// What can be asked of a place between two characters.
enum PatternAssertion: Sendable {
    case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary

    func holds(at position: Int, in text: [UInt32]) -> Bool {
        switch self {
        case .textStart: position == 0
        case .textEnd: position == text.count
        case .lineStart: position == 0 || text[position - 1] == 10
        case .lineEnd: position == text.count || text[position] == 10
        case .wordBoundary: isBoundary(position, text)
        case .noWordBoundary: !isBoundary(position, text)
        }
    }

    private func isBoundary(_ position: Int, _ text: [UInt32]) -> Bool {
        let before = position > 0 && ScalarSet.word.contains(text[position - 1])
        let after = position < text.count && ScalarSet.word.contains(text[position])
        return before != after
    }
}
