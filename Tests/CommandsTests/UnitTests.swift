import Testing

@testable import Commands

@Suite struct UnitTests {
    @Test(arguments: [
        ("0", Duration.zero, "0s"), ("0s", .zero, "0s"), ("90s", .seconds(90), "1m30s"), ("5m", .seconds(300), "5m"),
        ("1h30m", .seconds(5400), "1h30m"), ("7d", .seconds(7 * 86_400), "7d"), ("2w", .seconds(14 * 86_400), "14d"),
        ("250ms", .milliseconds(250), "250ms"), ("1d1ms", .milliseconds(86_400_001), "1d1ms"),
    ])
    func `durations are read and written`(_ text: String, _ duration: Duration, _ shown: String) throws {
        #expect(try DurationText.parse(text) == duration)
        #expect(DurationText.format(duration) == shown)
        #expect(try DurationText.parse(shown) == duration)
    }

    @Test(arguments: [
        "", " ", "5", "m", "5 m", "-5m", "1.5h", "5m5h", "5m5m", "5M", "99999999999999999999s", "9223372036854775807w",
        "٣s",
    ])
    func `what is no duration is refused`(_ text: String) {
        #expect(throws: ValueProblem.self) { try DurationText.parse(text) }
    }

    @Test(
        arguments: [
            ("0", 0, "0"), ("512", 512, "512"), ("1KiB", 1024, "1KiB"), ("200GiB", 200 << 30, "200GiB"),
            ("10MB", 10_000_000, "10MB"), ("10mb", 10_000_000, "10MB"), ("1024MiB", 1 << 30, "1GiB"),
            ("5 GB", 5_000_000_000, "5GB"),
            ("7B", 7, "7"),
        ] as [(String, Int64, String)])
    func `sizes are read and written`(_ text: String, _ size: Int64, _ shown: String) throws {
        #expect(try SizeText.parse(text) == size)
        #expect(SizeText.format(size) == shown)
        #expect(try SizeText.parse(shown) == size)
    }

    @Test(arguments: [
        "", "GiB", "1.5GiB", "-1", "+1", "1 000", "10Mib/s", "9223372036854775807KiB", "99999999999999999999",
    ])
    func `what is no size is refused`(_ text: String) {
        #expect(throws: ValueProblem.self) { try SizeText.parse(text) }
    }

    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1_568_000_000, "1.46 GiB"), (15 << 20, "15.0 MiB"),
            (200 << 30, "200 GiB"),
        ] as [(Int64, String)])
    func `sizes for people have three digits`(_ size: Int64, _ text: String) {
        #expect(SizeText.rounded(size) == text)
    }

    @Test(
        arguments: [
            ("storge", "storage"), ("accesToken", "accessToken"), ("accessTokne", "accessToken"), ("LISTEN", "listen"),
            ("x", nil), ("completely", nil),
        ] as [(String, String?)])
    func `a name that is nearly right is suggested`(_ text: String, _ expected: String?) {
        #expect(suggestion(for: text, among: ["storage", "listen", "accessToken", "rules"]) == expected)
    }

    @Test func `a very long name is compared in no time`() {
        #expect(suggestion(for: String(repeating: "x", count: 1_000_000), among: ["storage"]) == nil)
    }
}
