import Testing
import Timekeeping

struct TimestampTests {
    static let extremes: [Int64] = [.min, .min + 1, -1001, -1000, -999, -1, 0, 1, 999, 1000, 1001, .max - 1, .max]
    static let durations: [Duration] = [
        .zero, .milliseconds(-1), .nanoseconds(1), .seconds(1), .seconds(Int64.max), .seconds(Int64.min),
        .milliseconds(Int64.max), .milliseconds(Int64.min),
    ]

    @Test func `moments far away neither trap nor wrap`() {
        for one in Self.extremes {
            let moment = Timestamp(milliseconds: one)
            _ = Timestamp(seconds: one)
            #expect(moment.seconds <= one / 1000)
            for other in Self.extremes {
                let difference = moment - Timestamp(milliseconds: other)
                #expect((difference > .zero) == (one > other) && (difference < .zero) == (one < other))
            }
            for duration in Self.durations {
                if duration >= .zero { #expect(moment + duration >= moment && moment - duration <= moment) }
                if duration <= .zero { #expect(moment + duration <= moment && moment - duration >= moment) }
            }
        }
    }

    @Test(arguments: [(-1001, -2), (-1000, -1), (-1, -1), (0, 0), (999, 0), (1000, 1)] as [(Int64, Int64)])
    func `seconds are rounded down`(_ milliseconds: Int64, _ seconds: Int64) {
        #expect(Timestamp(milliseconds: milliseconds).seconds == seconds)
    }

    @Test func `a moment in seconds that milliseconds cannot say is the last that they can`() {
        #expect(Timestamp(seconds: .max).milliseconds == .max)
        #expect(Timestamp(seconds: .min).milliseconds == .min)
        #expect(Timestamp(seconds: 2).milliseconds == 2000)
    }

    @Test func `adding and taking away a duration meet`() {
        let moment = Timestamp(seconds: 1_700_000_000)
        #expect(moment + .milliseconds(1500) - .milliseconds(1500) == moment)
        #expect((moment + .seconds(90)) - moment == .seconds(90))
        #expect(Duration.microseconds(-1999).wholeMilliseconds == -1)
        #expect(Duration.milliseconds(-1999).wholeSeconds == -1)
    }

    @Test func `a manual clock stands still until it is moved`() {
        let clock = ManualWallClock(Timestamp(seconds: 10))
        #expect(clock.now() == clock.now())
        clock.advance(by: .milliseconds(-10_001))
        #expect(clock.now() == Timestamp(milliseconds: -1))
    }

    @Test func `the machine's clock tells a time after this was written`() {
        #expect(SystemWallClock().now() > Timestamp(seconds: 1_700_000_000))
    }
}
