/// Bytes each second.
struct BandwidthRate: Hashable {
    let bytesPerSecond: Int64
}

/// Requests in a period of time.
struct RequestRate: Hashable {
    enum Period: String, CaseIterable {
        case second = "s"
        case minute = "m"
        case hour = "h"

        var seconds: Double {
            switch self {
            case .second: 1
            case .minute: 60
            case .hour: 3600
            }
        }
    }

    let count: Int
    let period: Period

    var perSecond: Double { Double(count) / period.seconds }
}

extension Format where Value == BandwidthRate {
    /// `50MiB/s`.
    static var bandwidth: Format {
        .scalar(
            "bytes each second, such as '50MiB/s'",
            schema: .object([
                .init("type", .string("string")),
                .init("pattern", .string(JSONValue.pattern("[0-9]+ ?([kMGTP]B|[KMGTP]iB|B)?/s"))),
            ]), show: { .string("\(SizeText.format($0.bytesPerSecond))/s") }
        ) { text throws(ValueProblem) in
            guard text.hasSuffix("/s") else {
                throw ValueProblem("is no rate; write a size and '/s', such as '50MiB/s'")
            }
            let bytes = try SizeText.parse(String(text.dropLast(2)))
            guard (smallestBandwidth...largestBandwidth).contains(bytes) else {
                throw ValueProblem(
                    "is out of range; it must be from \(SizeText.format(smallestBandwidth))/s to "
                        + "\(SizeText.format(largestBandwidth))/s")
            }
            return BandwidthRate(bytesPerSecond: bytes)
        }
    }
}

/// Less would keep upstreams waiting for so long that they hang up.
private let smallestBandwidth: Int64 = 16 << 10
private let largestBandwidth: Int64 = 1 << 40

extension Format where Value == RequestRate {
    /// `100/s`, `30/m` or `500/h`.
    static var requestRate: Format {
        .scalar(
            "requests in a second, minute or hour, such as '100/s' or '500/h'",
            schema: .object([
                .init("type", .string("string")),
                .init("pattern", .string(JSONValue.pattern("[1-9][0-9]{0,5}/[smh]"))),
            ]), show: { .string("\($0.count)/\($0.period.rawValue)") }
        ) { text throws(ValueProblem) in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let count = Int(parts[0]),
                let period = RequestRate.Period(rawValue: String(parts[1]))
            else { throw ValueProblem("is no rate; write a number and '/s', '/m' or '/h', such as '100/s'") }
            guard (1...999_999).contains(count) else {
                throw ValueProblem("is out of range; it must be from 1 to 999999")
            }
            return RequestRate(count: count, period: period)
        }
    }
}
