import HTTPSemantics
import HostileInput
import Testing

struct RangeTests {
    @Test(
        arguments: [
            ("bytes=0-499", .closed(first: 0, last: 499)),
            ("bytes=500-", .from(500)),
            ("bytes=-500", .suffix(length: 500)),
            ("bytes=-0", .suffix(length: 0)),
            ("BYTES=0-0", .closed(first: 0, last: 0)),
            ("  bytes= 0-1\t", .closed(first: 0, last: 1)),
            ("bytes=007-08", .closed(first: 7, last: 8)),
            ("bytes=0-9223372036854775807", .closed(first: 0, last: .max)),
            ("bytes=0-9223372036854775808", .closed(first: 0, last: .max)),
            ("bytes=99999999999999999999999-", .from(.max)),
            ("bytes=-99999999999999999999999", .suffix(length: .max)),
            ("bytes=99999999999999999999-99999999999999999999", .closed(first: .max, last: .max)),
        ] as [(String, RangeRequest)])
    func `a single byte range is read`(_ field: String, _ expected: RangeRequest) {
        #expect(RangeRequest(field) == expected)
    }

    @Test(arguments: [
        "", "bytes", "bytes=", "bytes=-", "bytes=--1", "bytes=1--2", "bytes=5-4", "bytes=a-b", "bytes=0-1,3-4",
        "bytes=,0-1", "bytes=+0-1", "bytes=0x0-1", "bytes=0 - 1", "bytes=0-1 2", "bytes=-1-2", "bytes=１-２",
        "bytes =0-1", "bytes:0-1", "octets=0-1", "items=0-1", "b\u{301}ytes=0-1", "bytes=0-1\0", "bytes=\u{301}0-1",
        "bytes=1.0-2",
    ])
    func `anything else counts as no range`(_ field: String) {
        #expect(RangeRequest(field) == nil)
    }

    @Test(
        arguments: [
            (.closed(first: 0, last: 0), 1, 0..<1),
            (.closed(first: 0, last: 9), 10, 0..<10),
            (.closed(first: 0, last: 10), 10, 0..<10),
            (.closed(first: 9, last: 9), 10, 9..<10),
            (.closed(first: 10, last: 10), 10, nil),
            (.closed(first: 0, last: .max), 10, 0..<10),
            (.closed(first: 0, last: .max), .max, 0..<(.max)),
            (.closed(first: .max - 1, last: .max - 1), .max, (.max - 1)..<(.max)),
            (.closed(first: .max, last: .max), .max, nil),
            (.closed(first: 0, last: 0), 0, nil),
            (.closed(first: -1, last: 5), 10, nil),
            (.closed(first: 5, last: 4), 10, nil),
            (.closed(first: .min, last: .max), .max, nil),
            (.from(0), 10, 0..<10),
            (.from(9), 10, 9..<10),
            (.from(10), 10, nil),
            (.from(0), 0, nil),
            (.from(-1), 10, nil),
            (.from(.max), .max, nil),
            (.suffix(length: 1), 10, 9..<10),
            (.suffix(length: 10), 10, 0..<10),
            (.suffix(length: 11), 10, 0..<10),
            (.suffix(length: .max), 10, 0..<10),
            (.suffix(length: .max), .max, 0..<(.max)),
            (.suffix(length: 0), 10, nil),
            (.suffix(length: 1), 0, nil),
            (.suffix(length: -1), 10, nil),
            (.suffix(length: 1), -1, nil),
        ] as [(RangeRequest, Int64, Range<Int64>?)])
    func `a range is cut to the content, or has none`(_ range: RangeRequest, _ size: Int64, _ expected: Range<Int64>?) {
        #expect(range.resolved(size: size) == expected)
    }

    @Test(
        arguments: [
            ("bytes 0-0/1", 0..<1, 1), ("bytes 42-1233/1234", 42..<1234, 1234), ("bytes 42-1233/*", 42..<1234, nil),
            ("Bytes \t 0-1/2", 0..<2, 2), ("bytes */1234", nil, 1234), ("bytes */0", nil, 0),
        ] as [(String, Range<Int64>?, Int64?)])
    func `a Content-Range is read and printed`(_ field: String, _ range: Range<Int64>?, _ size: Int64?) throws {
        let parsed = try #require(ContentRange(field))
        #expect(parsed == ContentRange(range: range, size: size))
        #expect(ContentRange(parsed.description) == parsed)
    }

    @Test(arguments: [
        "", "bytes", "bytes 0-1", "bytes */*", "bytes 0-1/", "bytes 1-0/2", "bytes 0-2/2", "bytes 0-1/1", "bytes -1/2",
        "bytes 0-/2", "bytes 0-1-2/3", "bytes 0-1/2/3", "bytes=0-1/2", "bytes0-1/2", "items 0-1/2", "bytes 0-1/-2",
        "bytes 0-9223372036854775807/*", "bytes 0 - 1/2", "bytes 0-1/２", "bytes 0-1/2 3",
    ])
    func `a contradictory or malformed Content-Range is none`(_ field: String) {
        #expect(ContentRange(field) == nil)
    }

    @Test func `no field whatever crashes, and no range leaves the content`() {
        let alphabet = [
            "bytes", "=", " ", "-", "/", "*", ",", "0", "1", "9", "9223372036854775807", "bytes=", "bytes ",
        ]
        for (position, field) in hostileTexts(count: 6000, alphabet: alphabet, seed: 6).enumerated() {
            if let content = ContentRange(field) { #expect(ContentRange(content.description) == content) }
            let size = [0, 1, 10, Int64.max][position % 4]
            guard let range = RangeRequest(field)?.resolved(size: size) else { continue }
            #expect(!range.isEmpty && range.lowerBound >= 0 && range.upperBound <= size)
        }
    }
}
