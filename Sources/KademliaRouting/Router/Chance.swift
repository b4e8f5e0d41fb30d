/// What a node leaves to chance, drawn from one number, so that a simulation does the same again. SplitMix64: quick, even,
/// and no secret.
package struct Chance: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// Another at every start.
    package init() { self.init(seed: .random(in: .min ... .max)) }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// From 0.75 to 1.25: by what pauses differ among nodes, so that they do not all ask in the same moment.
    package mutating func spread() -> Double { .random(in: 0.75...1.25, using: &self) }
}
