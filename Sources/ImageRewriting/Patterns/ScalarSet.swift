/// A set of Unicode scalar values.
struct ScalarSet: Sendable {
    /// In order, without overlaps or neighbours.
    private(set) var ranges: [ClosedRange<UInt32>]
    /// The ASCII part once more, a bit for each value: all that an image's name has.
    private let low: UInt64
    private let high: UInt64

    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
        var bits: (low: UInt64, high: UInt64) = (0, 0)
        for range in merged where range.lowerBound < 128 {
            for value in range.lowerBound...min(range.upperBound, 127) {
                if value < 64 { bits.low |= 1 << UInt64(value) } else { bits.high |= 1 << UInt64(value - 64) }
            }
        }
        (low, high) = bits
    }

    func contains(_ value: UInt32) -> Bool {
        if value < 64 { return low >> UInt64(value) & 1 == 1 }
        if value < 128 { return high >> UInt64(value - 64) & 1 == 1 }
        return ranges.contains { $0.contains(value) }
    }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    var inverted: ScalarSet {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= Self.last { result.append(next...Self.last) }
        return ScalarSet(result)
    }

    /// With the other case of every ASCII letter in it. References have no other letters.
    var caseFolded: ScalarSet {
        var result = ranges
        for value in UInt32(65)...90 {
            if contains(value) { result.append(value + 32...value + 32) }
            if contains(value + 32) { result.append(value...value) }
        }
        return ScalarSet(result)
    }

    private static let last: UInt32 = 0x10FFFF

    static let newline = ScalarSet([10...10])
    static let anything = ScalarSet([0...last])
    static let digits = ScalarSet([48...57])
    static let word = ScalarSet([48...57, 65...90, 95...95, 97...122])
    /// RE2's `\s`: no vertical tab.
    static let space = ScalarSet([9...10, 12...13, 32...32])

    /// `[[:NAME:]]`
    static func posix(_ name: String) -> ScalarSet? {
        switch name {
        case "alnum": ScalarSet([48...57, 65...90, 97...122])
        case "alpha": ScalarSet([65...90, 97...122])
        case "ascii": ScalarSet([0...127])
        case "blank": ScalarSet([9...9, 32...32])
        case "cntrl": ScalarSet([0...31, 127...127])
        case "digit": digits
        case "graph": ScalarSet([33...126])
        case "lower": ScalarSet([97...122])
        case "print": ScalarSet([32...126])
        case "punct": ScalarSet([33...47, 58...64, 91...96, 123...126])
        case "space": ScalarSet([9...13, 32...32])
        case "upper": ScalarSet([65...90])
        case "word": word
        case "xdigit": ScalarSet([48...57, 65...70, 97...102])
        default: nil
        }
    }
}
