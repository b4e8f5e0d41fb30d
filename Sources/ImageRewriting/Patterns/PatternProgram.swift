/// A regular expression as steps of a machine.
struct PatternProgram: Sendable {
    enum Step: Sendable {
        case take(ScalarSet)
        /// Both ways, the first preferred.
        case fork(Int, Int)
        case jump(Int)
        case save(slot: Int)
        case require(PatternAssertion)
        case accept
    }

    private(set) var steps: [Step] = []
    /// Two for each group, the whole match included.
    let slotCount: Int
    let groupNames: [Int: String]
    /// Whether a match can only begin where the text does.
    private(set) var isAnchored = false
    /// What a match has to begin with; nil where that is not known, or the match may be empty.
    private(set) var firstScalars: ScalarSet?

    init(_ syntax: PatternSyntax, groupCount: Int, groupNames: [Int: String]) throws(PatternError) {
        slotCount = 2 * (groupCount + 1)
        self.groupNames = groupNames
        try append(.save(slot: 0))
        try compile(syntax)
        try append(.save(slot: 1))
        try append(.accept)
        lookAhead()
    }

    private mutating func append(_ step: Step) throws(PatternError) {
        guard steps.count < Pattern.programLimit else { throw .tooLarge }
        steps.append(step)
    }

    private mutating func compile(_ syntax: PatternSyntax) throws(PatternError) {
        switch syntax {
        case .empty: break
        case .set(let set): try append(.take(set))
        case .assertion(let assertion): try append(.require(assertion))
        case .sequence(let parts): for part in parts { try compile(part) }
        case .group(let inner, let number):
            try append(.save(slot: 2 * number))
            try compile(inner)
            try append(.save(slot: 2 * number + 1))
        case .alternatives(let alternatives): try compile(alternatives: alternatives)
        case .repetition(let inner, let least, let most, let isGreedy):
            for _ in 0..<least { try compile(inner) }
            if let most {
                // `x{0,3}` is `(x(x(x)?)?)?`, each question leading to the end.
                var forks: [Int] = []
                for _ in least..<max(least, most) {
                    forks.append(steps.count)
                    try append(.accept)
                    try compile(inner)
                }
                for fork in forks { steps[fork] = choice(fork + 1, steps.count, isGreedy: isGreedy) }
            } else {
                let fork = steps.count
                try append(.accept)
                try compile(inner)
                try append(.jump(fork))
                steps[fork] = choice(fork + 1, steps.count, isGreedy: isGreedy)
            }
        }
    }

    private mutating func compile(alternatives: [PatternSyntax]) throws(PatternError) {
        var exits: [Int] = []
        for (position, alternative) in alternatives.enumerated() {
            guard position < alternatives.count - 1 else {
                try compile(alternative)
                break
            }
            let fork = steps.count
            try append(.accept)
            try compile(alternative)
            exits.append(steps.count)
            try append(.accept)
            steps[fork] = .fork(fork + 1, steps.count)
        }
        for exit in exits { steps[exit] = .jump(steps.count) }
    }

    private func choice(_ into: Int, _ past: Int, isGreedy: Bool) -> Step {
        isGreedy ? .fork(into, past) : .fork(past, into)
    }

    /// Finds ``isAnchored`` and ``firstScalars`` from the steps that are reached before a character is taken.
    private mutating func lookAhead() {
        var seen: Set<Int> = []
        var open = [0]
        var ranges: [ClosedRange<UInt32>] = []
        var isOpenEnded = false
        var isAnchored = true
        while let index = open.popLast() {
            guard seen.insert(index).inserted else { continue }
            switch steps[index] {
            case .take(let set):
                ranges += set.ranges
                isAnchored = false
            case .fork(let first, let second): open += [first, second]
            case .jump(let target): open.append(target)
            case .save: open.append(index + 1)
            case .require(.textStart): break
            case .require, .accept:
                isOpenEnded = true
                isAnchored = false
            }
        }
        self.isAnchored = isAnchored
        if !isOpenEnded, !isAnchored, !ranges.isEmpty, !hasAnchoredWay(seen) { firstScalars = ScalarSet(ranges) }
    }

    private func hasAnchoredWay(_ seen: Set<Int>) -> Bool {
        seen.contains { index in if case .require(.textStart) = steps[index] { true } else { false } }
    }
}
