/// A date of HTTP, as seconds since 1970. RFC 9110, 5.6.7: IMF-fixdate, which is what anyone sends; and the two
/// obsolete forms, which a recipient must accept.
package enum HTTPDate {
    /// Returns nil for anything malformed, or before 1970.
    package static func parse(_ text: some StringProtocol) -> Int64? {
        let words = trimmed(text).split { $0 == " " || $0 == "," || $0 == "-" }
        switch words.count {
        case 6:  // Sun, 06 Nov 1994 08:49:37 GMT; Sunday, 06-Nov-94 08:49:37 GMT
            guard words[5] == "GMT", var year = decimal(words[3]) else { return nil }
            if words[3].utf8.count == 2 { year += year < 70 ? 2000 : 1900 }
            return seconds(year: year, month: words[2], day: words[1], time: words[4])
        case 5:  // Sun Nov  6 08:49:37 1994
            guard let year = decimal(words[4]) else { return nil }
            return seconds(year: year, month: words[1], day: words[2], time: words[3])
        default: return nil
        }
    }

    /// `seconds` since 1970 as an IMF-fixdate.
    package static func format(_ seconds: Int64) -> String {
        let days = seconds.flooredQuotient(86_400)
        let time = seconds - days * 86_400
        let (year, month, day) = civil(days: days)
        let weekday = weekdays[Int((days + 4) - (days + 4).flooredQuotient(7) * 7)]
        return "\(weekday), \(padded(day)) \(months[Int(month) - 1]) \(year) "
            + "\(padded(time / 3600)):\(padded(time / 60 % 60)):\(padded(time % 60)) GMT"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func padded(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func seconds(year: Int64, month: Substring, day: Substring, time: Substring) -> Int64? {
        let clock = time.split(separator: ":", omittingEmptySubsequences: false)
        guard let month = months.firstIndex(of: String(month)), let day = decimal(day), (1...31).contains(day),
            (1970...9999).contains(year), clock.count == 3, let hour = decimal(clock[0]), hour < 24,
            let minute = decimal(clock[1]), minute < 60, let second = decimal(clock[2]), second <= 60
        else { return nil }
        return days(year: year, month: Int64(month) + 1, day: day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years from March.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.flooredQuotient(400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int64 {
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
