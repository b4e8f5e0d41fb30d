internal import HTTPSemantics
internal import PullThroughCache

extension Format where Value == Duration {
    /// Whole numbers with units, largest first: `90s`, `1h30m`, `7d`.
    static func duration(_ range: ClosedRange<Duration> = .zero...DurationText.longest) -> Format {
        .scalar(
            "a duration, such as '90s', '5m', '1h30m' or '7d'",
            schema: .object([
                .init("type", .array([.string("string"), .string("integer")])),
                .init("pattern", .string(JSONValue.pattern("0|([0-9]+(ms|s|m|h|d|w))+"))),
                .init("maximum", .integer(0)),
            ]), show: { .string(DurationText.format($0)) }
        ) { text throws(ValueProblem) in
            let duration = try DurationText.parse(text)
            guard range.contains(duration) else {
                throw ValueProblem(
                    "is out of range; it must be from \(DurationText.format(range.lowerBound)) to "
                        + DurationText.format(range.upperBound))
            }
            return duration
        }
    }
}

/// Durations as the configuration writes them.
package enum DurationText {
    /// A hundred years: more is a slip of the pen, and arithmetic stays in range.
    static let longest = Duration.seconds(36_500 * 86_400)

    private static let units: [(name: String, milliseconds: Int64)] = [
        ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    static func parse(_ text: String) throws(ValueProblem) -> Duration {
        if text == "0" { return .zero }
        let advice = "write a number with a unit, such as '90s', '5m', '1h30m' or '7d'"
        var rest = text[...]
        var total: Int64 = 0
        var lastUnit = Int64.max
        while !rest.isEmpty {
            let digits = rest.prefix { ("0"..."9").contains($0) }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { !("0"..."9").contains($0) }
            rest = rest.dropFirst(name.count)
            guard let count = decimal(digits) else { throw ValueProblem("is no duration; \(advice)") }
            if name.isEmpty { throw ValueProblem("has no unit; \(advice)") }
            guard let unit = units.first(where: { $0.name == name }) else {
                throw ValueProblem("has the unknown unit '\(name.prefix(16))'; units are ms, s, m, h, d and w")
            }
            guard unit.milliseconds < lastUnit else {
                throw ValueProblem("has its units in the wrong order; write the largest first, each once")
            }
            lastUnit = unit.milliseconds
            let (product, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
            let (sum, overflowToo) = total.addingReportingOverflow(product)
            guard !overflow, !overflowToo, sum <= longest.components.seconds * 1000 else {
                throw ValueProblem("is too long; the longest is \(format(longest))")
            }
            total = sum
        }
        guard lastUnit != .max else { throw ValueProblem("is no duration; \(advice)") }
        return .milliseconds(total)
    }

    /// The shortest form that ``parse(_:)`` reads as `duration`, rounded down to milliseconds: `1h30m`.
    package static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        guard rest > 0 else { return "0s" }
        var text = ""
        for unit in units where unit.name != "w" && rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }
}

extension Format where Value == Int64 {
    static func size(_ range: ClosedRange<Int64>) -> Format {
        .scalar(
            "a size in bytes, such as '64MiB' or '10GB'", schema: SizeText.schema,
            show: { .string(SizeText.format($0)) }
        ) { text throws(ValueProblem) in
            let size = try SizeText.parse(text)
            guard range.contains(size) else {
                throw ValueProblem(
                    "is out of range; it must be from \(SizeText.format(range.lowerBound)) to "
                        + SizeText.format(range.upperBound))
            }
            return size
        }
    }
}

/// Sizes as the configuration writes them.
package enum SizeText {
    static let schema: JSONValue = .object([
        .init("type", .array([.string("string"), .string("integer")])),
        .init("pattern", .string(JSONValue.pattern("[0-9]+ ?([kMGTP]B|[KMGTP]iB|B)?"))), .init("minimum", .integer(0)),
    ])

    private static let units: [(name: String, bytes: Int64)] = [
        ("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("PB", 1_000_000_000_000_000), ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000),
        ("kB", 1000), ("B", 1),
    ]

    static func parse(_ text: String) throws(ValueProblem) -> Int64 {
        let advice = "write a number of bytes, or one with a unit, such as '200GiB' or '10MB'"
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard let count = decimal(digits) else { throw ValueProblem("is no size; \(advice)") }
        var name = text.dropFirst(digits.count)
        if name.hasPrefix(" ") { name = name.dropFirst() }
        if name.isEmpty { return count }
        guard let unit = units.first(where: { $0.name.lowercased() == name.lowercased() }) else {
            throw ValueProblem(
                "has the unknown unit '\(name.prefix(16))'; units are KiB, MiB, GiB, TiB and kB, MB, GB, TB")
        }
        let (size, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
        guard !overflow else { throw ValueProblem("is too large") }
        return size
    }

    /// Exact: in the largest unit that divides it.
    package static func format(_ size: Int64) -> String {
        guard size > 0, let unit = units.first(where: { size % $0.bytes == 0 }), unit.name != "B" else {
            return "\(size)"
        }
        return "\(size / unit.bytes)\(unit.name)"
    }

    /// For people: three digits and a binary unit, `1.46 GiB`.
    package static func rounded(_ size: Int64) -> String {
        for unit in units where unit.name.hasSuffix("iB") && size >= unit.bytes {
            let hundredths = Int64((Double(size) / Double(unit.bytes) * 100).rounded())
            let whole = hundredths / 100
            if whole >= 100 { return "\(whole) \(unit.name)" }
            if whole >= 10 { return "\(whole).\(hundredths % 100 / 10) \(unit.name)" }
            let fraction = hundredths % 100
            return "\(whole).\(fraction < 10 ? "0" : "")\(fraction) \(unit.name)"
        }
        return "\(size) B"
    }
}

extension Format where Value == StoreLimit.Cap {
    /// `200GiB`, or `80%` of the file system.
    static var storeCap: Format {
        .scalar(
            "a size such as '200GiB', or a share of the file system such as '80%'",
            schema: .object([
                .init("type", .array([.string("string"), .string("integer")])),
                .init("pattern", .string(JSONValue.pattern("[1-9][0-9]?%|100%|[0-9]+ ?([kMGTP]B|[KMGTP]iB|B)?"))),
                .init("minimum", .integer(Int(smallestStoreBytes))),
            ]),
            show: { cap in
                switch cap {
                case .bytes(let size): .string(SizeText.format(size))
                case .percentOfFilesystem(let percent): .string("\(percent)%")
                }
            }
        ) { text throws(ValueProblem) in
            if text.hasSuffix("%") {
                guard let percent = Int(text.dropLast()), (1...100).contains(percent) else {
                    throw ValueProblem("is no percentage from 1% to 100%")
                }
                return .percentOfFilesystem(percent)
            }
            let size = try SizeText.parse(text)
            guard size >= smallestStoreBytes else {
                throw ValueProblem(
                    "is too small to hold an image; give \(SizeText.format(smallestStoreBytes)) at least")
            }
            return .bytes(size)
        }
    }
}

/// A store below this could not hold one image.
private let smallestStoreBytes: Int64 = 1 << 20
