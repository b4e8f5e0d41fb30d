import Logging
import Testing
import Timekeeping

@testable import Commands

@Suite struct LogLineTests {
    private let metadata: Logger.Metadata = [
        "path": "/v2/a b", "status": .stringConvertible(200), "empty": "", "list": ["x", "y\"z"],
        "evil": "a\n2026 ERROR forged\u{1B}[31m\u{2028}",
    ]

    @Test func `text has one line, whatever is in it`() {
        let line = LogLine.text(time: "T", level: .info, message: "Request\nserved", metadata: metadata)
        #expect(
            line
                == #"T INFO    Request\nserved empty="" evil="a\n2026 ERROR forged\u{1b}[31m\u{2028}" list="x,y\"z" path="/v2/a b" status=200"#
                + "\n")
    }

    @Test func `JSON keeps numbers, and one line`() {
        let line = LogLine.json(time: "T", level: .warning, message: "A \"b\"", metadata: metadata)
        #expect(
            line
                == #"{"time":"T","level":"warning","message":"A \"b\"","empty":"","evil":"a\n2026 ERROR forged\u001b[31m\#u{2028}","list":["x","y\"z"],"path":"/v2/a b","status":200}"#
                + "\n")
    }

    @Test func `metadata cannot take the place of a line's own fields`() {
        let line = LogLine.json(time: "T", level: .info, message: "m", metadata: ["level": "error"])
        #expect(line == #"{"time":"T","level":"info","message":"m","metadata.level":"error"}"# + "\n")
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func `moments are written as RFC 3339 has it`(_ milliseconds: Int64, _ text: String) {
        #expect(TimeText.utc(Timestamp(milliseconds: milliseconds)) == text)
    }

    @Test(
        arguments: [
            (0, "now"), (45, "in 45s"), (-45, "45s ago"), (90_061, "in 1d 1h"), (-86_400, "1d ago"), (3605, "in 1h"),
            (-125, "2m 5s ago"),
        ] as [(Int64, String)])
    func `distances in time have two units`(_ seconds: Int64, _ text: String) {
        let now = Timestamp(seconds: 1_700_000_000)
        #expect(TimeText.relative(now + .seconds(seconds), to: now) == text)
    }

    @Test func `one level is shared, and may be changed while loggers live`() {
        let shared = SharedLogLevel(.info)
        var first = StandardErrorLog(format: .text, level: shared)
        let second = StandardErrorLog(format: .text, level: shared)
        shared.level = .debug
        #expect(first.logLevel == .debug)
        first.logLevel = .error
        #expect(first.logLevel == .error)
        #expect(second.logLevel == .debug)
    }
}
