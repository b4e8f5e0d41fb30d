import HTTPSemantics
import HostileInput
import Testing

struct DateTests {
    /// RFC 9110, 5.6.7: one moment in its three forms.
    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ])
    func `the three forms of a date are read`(_ text: String) {
        #expect(HTTPDate.parse(text) == 784_111_777)
    }

    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(Int64, String)])
    func `a date is printed as RFC 9110 wants it, and read back`(_ seconds: Int64, _ text: String) {
        #expect(HTTPDate.format(seconds) == text)
        #expect(HTTPDate.parse(text) == seconds)
    }

    @Test func `dates over eight thousand years come back as they went`() {
        // A prime number of seconds near nine days, so that every month, weekday and time of day is met.
        for seconds in stride(from: Int64(0), through: 253_402_300_799, by: 7_776_037) {
            let text = HTTPDate.format(seconds)
            if HTTPDate.parse(text) != seconds { Issue.record("\(seconds) became \(text)") }
        }
    }

    @Test func `the first and the last moment can be printed`() {
        #expect(HTTPDate.format(.min) == "Mon, 01 Jan 0001 00:00:00 GMT")
        #expect(HTTPDate.format(.max) == "Fri, 31 Dec 9999 23:59:59 GMT")
        #expect(HTTPDate.format(-1) == "Wed, 31 Dec 1969 23:59:59 GMT")
    }

    @Test(arguments: [
        "", "GMT", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 2023 00:00:00 GMT", "Mon, 29 Feb 2100 00:00:00 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:00:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT", "Sun, 06 Nov 19940 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT", "Sun-06-Nov-1994-08:49:37-GMT",
        "1994-11-06T08:49:37Z", "784111777", "Sun, ０６ Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
    ])
    func `a malformed date is none`(_ text: String) {
        #expect(HTTPDate.parse(text) == nil)
    }

    @Test(
        arguments: [
            ("0", .zero), ("120", .seconds(120)), (" 5\t", .seconds(5)),
            ("99999999999999999999999", .seconds(3_153_600_000)), ("3153600001", .seconds(3_153_600_000)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(37)), ("Sun, 06 Nov 1994 08:00:00 GMT", .zero),
            ("-1", nil), ("+1", nil), ("1.5", nil), ("", nil), ("soon", nil), ("１", nil), ("5 s", nil),
        ] as [(String, Duration?)])
    func `Retry-After is seconds or a date, counted from now`(_ field: String, _ expected: Duration?) {
        #expect(RetryAfter.parse(field, now: 784_111_740) == expected)
    }

    @Test func `Retry-After is bounded whatever the clock says`() {
        for now in [Int64.min, -1, 0, .max] {
            let wait = RetryAfter.parse("Fri, 31 Dec 9999 23:59:59 GMT", now: now)
            #expect(wait.map { $0 >= .zero && $0 <= .seconds(3_153_600_000) } == true)
        }
    }

    @Test(
        arguments: [
            (.zero, "0"), (.seconds(1), "1"), (.milliseconds(1), "1"), (.milliseconds(1001), "2"), (.seconds(-5), "0"),
            (.milliseconds(-1), "0"), (.seconds(Int64.max), "9223372036854775807"),
            (.seconds(Int64.max) + .milliseconds(1), "9223372036854775807"),
        ] as [(Duration, String)])
    func `a wait is told in whole seconds, never too few`(_ wait: Duration, _ expected: String) {
        #expect(RetryAfter.format(wait) == expected)
    }

    @Test func `no text whatever crashes the parser`() {
        let alphabet = [
            "Sun", ",", " ", "06", "-", "Nov", "1994", ":", "08", "49", "37", "GMT", "99999999999999999999",
        ]
        for text in hostileTexts(count: 6000, alphabet: alphabet, seed: 9) {
            if let seconds = HTTPDate.parse(text) { #expect(seconds >= 0) }
            _ = RetryAfter.parse(text, now: .max)
        }
    }
}
