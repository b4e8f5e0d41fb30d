/// SplitMix64: the same numbers in every run, so that a failure can be had again.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// `count` texts of up to 24 pieces each: most of `alphabet`, so that they lie near a parser's grammar, and some that
/// no grammar has.
package func hostileTexts(count: Int, alphabet: [String], seed: UInt64) -> [String] {
    var generator = SeededGenerator(seed: seed)
    let anywhere = ["\0", "\u{7F}", "\r\n", "\u{301}", "\u{212A}", "\u{37E}", "１", "é", "🐳", " ", "\t", "%2e", ".."]
    return (0..<count).map { _ in
        (0..<Int.random(in: 0...24, using: &generator)).map { _ in
            let source = Int.random(in: 0..<12, using: &generator) == 0 ? anywhere : alphabet
            return source[Int.random(in: 0..<source.count, using: &generator)]
        }.joined()
    }
}

/// Bytes without any order.
package func randomBytes(count: Int, using generator: inout SeededGenerator) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
}
