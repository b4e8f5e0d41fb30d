internal import Timekeeping

/// Moments for people and logs.
enum TimeText {
    /// `2026-01-31T12:34:56.789Z`. RFC 3339.
    static func utc(_ moment: Timestamp) -> String {
        let seconds = moment.seconds
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let time = seconds - days * 86_400
        let (year, month, day) = civil(days: days)
        let milliseconds = moment.milliseconds - seconds * 1000
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(pad(time / 3600, 2)):\(pad(time / 60 % 60, 2)):"
            + "\(pad(time % 60, 2)).\(pad(milliseconds, 3))Z"
    }

    /// `in 5m`, `3h ago`, `now`: the one or two largest units.
    static func relative(_ moment: Timestamp, to now: Timestamp) -> String {
        let difference = moment - now
        if difference >= .seconds(1) { return "in \(rough(difference))" }
        if difference <= .seconds(-1) { return "\(rough(.zero - difference)) ago" }
        return "now"
    }

    /// The two largest units of a duration: `2d 3h`, `45s`.
    static func rough(_ duration: Duration) -> String {
        var rest = duration.wholeSeconds
        var parts: [String] = []
        for (name, seconds) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] as [(String, Int64)] {
            if rest >= seconds {
                parts.append("\(rest / seconds)\(name)")
                rest %= seconds
            } else if !parts.isEmpty {
                break
            }
            if parts.count == 2 { break }
        }
        return parts.isEmpty ? "0s" : parts.joined(separator: " ")
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    /// Days since 1970-01-01 as a date of the Gregorian calendar, counted in eras of 400 years that begin in March.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
