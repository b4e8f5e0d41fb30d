/// A date of HTTP, as seconds since 1970. RFC 9110, 5.6.7: IMF-fixdate, which is what anyone sends; and the two
/// obsolete forms, which a recipient must accept.
package enum HTTPDate {
    /// Returns nil for anything malformed, or before 1970. That the weekday fits the date is not checked.
    package static func parse(_ text: some StringProtocol) -> Int64? {
        guard text.utf8.count <= 64 else { return nil }
        let words = trimmed(text).split(separator: " ")
        switch words.count {
        case 6:  // Sun, 06 Nov 1994 08:49:37 GMT
            guard weekdays.contains(where: { words[0] == $0 + "," }), words[1].utf8.count == 2, words[5] == "GMT",
                words[3].utf8.count == 4
            else { return nil }
            return seconds(year: decimal(words[3]), month: words[2], day: words[1], time: words[4])
        case 4:  // Sunday, 06-Nov-94 08:49:37 GMT
            let date = words[1].split(separator: "-", omittingEmptySubsequences: false)
            guard longWeekdays.contains(where: { words[0] == $0 + "," }), words[3] == "GMT", date.count == 3,
                date[0].utf8.count == 2, date[2].utf8.count == 2
            else { return nil }
            // As POSIX reads two digits; nobody sends this form any more.
            let year = decimal(date[2]).map { $0 + ($0 < 70 ? 2000 : 1900) }
            return seconds(year: year, month: date[1], day: date[0], time: words[2])
        case 5:  // Sun Nov  6 08:49:37 1994
            guard weekdays.contains(where: { words[0] == $0 }), words[4].utf8.count == 4 else { return nil }
            return seconds(year: decimal(words[4]), month: words[1], day: words[2], time: words[3])
        default: return nil
        }
    }

    /// `seconds` since 1970 as an IMF-fixdate; what lies beyond the years 1 to 9999 as the first or last of them.
    package static func format(_ seconds: Int64) -> String {
        let seconds = min(max(seconds, -62_135_596_800), 253_402_300_799)
        let days = seconds.flooredQuotient(86_400)
        let time = seconds - days * 86_400
        let (year, month, day) = civil(days: days)
        let weekday = weekdays[Int((days + 4) - (days + 4).flooredQuotient(7) * 7)]
        return "\(weekday), \(padded(day)) \(months[Int(month) - 1]) \(padded(year, width: 4)) "
            + "\(padded(time / 3600)):\(padded(time / 60 % 60)):\(padded(time % 60)) GMT"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static let longWeekdays = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]

    private static func padded(_ number: Int64, width: Int = 2) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    private static func seconds(year: Int64?, month: Substring, day: Substring, time: Substring) -> Int64? {
        let clock = time.split(separator: ":", omittingEmptySubsequences: false)
        guard let year, (1970...9999).contains(year), let month = months.firstIndex(where: { month == $0 }),
            let day = decimal(day), day >= 1, day <= lengthInDays(month: month + 1, year: year),
            clock.count == 3, clock.allSatisfy({ $0.utf8.count == 2 }), let hour = decimal(clock[0]), hour < 24,
            // A leap second counts as the next minute's first.
            let minute = decimal(clock[1]), minute < 60, let second = decimal(clock[2]), second <= 60
        else { return nil }
        return days(year: year, month: Int64(month) + 1, day: day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    private static func lengthInDays(month: Int, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
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
