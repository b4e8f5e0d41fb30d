import HTTPSemantics
import HostileInput
import Testing

struct FieldTests {
    // MARK: Cache-Control

    @Test(arguments: [
        ("", false, false), ("no-cache", true, false), ("NO-CACHE", true, false), ("max-age=0", true, false),
        ("max-age=60", false, false), ("no-store, no-cache", true, false), ("only-if-cached", false, true),
        (" no-cache ,only-if-cached", true, true), ("x-no-cache", false, false), ("no-cache=\"x\"", false, false),
        (String(repeating: "a,", count: 40) + "no-cache", false, false),
    ])
    func `what a client wants of the cache is read`(_ field: String, _ revalidates: Bool, _ onlyIfCached: Bool) {
        let control = CacheControl(field)
        #expect(control.requiresRevalidation == revalidates)
        #expect(control.onlyIfCached == onlyIfCached)
    }

    // MARK: Cache-Status

    @Test(arguments: [
        (CacheStatus(isHit: true), "Weir; hit"),
        (CacheStatus(isHit: true, ttl: 376), "Weir; hit; ttl=376"),
        (CacheStatus(isHit: true, ttl: -412, detail: "stale"), "Weir; hit; ttl=-412; detail=stale"),
        (CacheStatus(isHit: false, forward: .uriMiss, isStored: true), "Weir; fwd=uri-miss; stored"),
        (
            CacheStatus(isHit: false, forward: .stale, forwardStatus: 304, isCollapsed: true),
            "Weir; fwd=stale; fwd-status=304; collapsed"
        ),
        (CacheStatus(isHit: false, detail: "404"), "Weir; detail=\"404\""),
        (CacheStatus(isHit: false, detail: "a \"b\" \\ c"), #"Weir; detail="a \"b\" \\ c""#),
        (CacheStatus(isHit: false, detail: "x\r\nSet-Cookie: é\0"), #"Weir; detail="xSet-Cookie: ""#),
        (CacheStatus(isHit: false, detail: ""), "Weir; detail=\"\""),
        (CacheStatus(isHit: false, ttl: .min), "Weir; ttl=-999999999999999"),
        (CacheStatus(isHit: false, ttl: .max), "Weir; ttl=999999999999999"),
    ])
    func `a status is printed as RFC 9211 and RFC 9651 want it`(_ status: CacheStatus, _ expected: String) {
        #expect(status.description(cache: "Weir") == expected)
    }

    @Test(arguments: [
        ("weir.example:5000", "weir.example:5000; hit"), ("Weir in Hall 3", "\"Weir in Hall 3\"; hit"),
        ("a\r\nb", "\"ab\"; hit"), ("1st", "\"1st\"; hit"), ("", "\"\"; hit"),
    ])
    func `a cache's name that is no token is quoted`(_ name: String, _ expected: String) {
        #expect(CacheStatus(isHit: true).description(cache: name) == expected)
    }

    // MARK: Entity tags

    static let tag = EntityTag("sha256:abc")

    @Test(arguments: [
        (#""sha256:abc""#, true), (#"W/"sha256:abc""#, true), ("sha256:abc", true), ("*", true), (" * ", true),
        (#""x", "sha256:abc""#, true), (#""x",W/"sha256:abc", "y""#, true), (#",, "sha256:abc""#, true),
        ("x, sha256:abc", true), (#""a,b", "sha256:abc""#, true),
        ("", false), (#""x""#, false), (#""sha256:abc"#, false), (#"w/"sha256:abc""#, false), (#""SHA256:ABC""#, false),
        (#"" sha256:abc""#, false), (#""*""#, false), (#""a\", sha256:abc""#, false),
    ])
    func `If-None-Match is compared weakly`(_ field: String, _ isMatch: Bool) {
        #expect(IfNoneMatch(field).matches(Self.tag) == isMatch)
    }

    @Test func `an entity tag is printed with its quotes`() {
        #expect(Self.tag.description == #""sha256:abc""#)
        #expect(EntityTag("x", isWeak: true).description == #"W/"x""#)
    }

    @Test func `entity tags beyond the limit are left out`() {
        let field = String(repeating: "\"x\",", count: IfNoneMatch.countLimit) + Self.tag.description
        #expect(!IfNoneMatch(field).matches(Self.tag))
    }

    // MARK: Link

    @Test(arguments: [
        (#"</v2/_catalog?n=5&last=tag5>; rel="next""#, "/v2/_catalog?n=5&last=tag5"),
        ("<https://r.example/v2/a/tags/list?last=b>; rel=next", "https://r.example/v2/a/tags/list?last=b"),
        (#"<a>; rel="prev", <b>;rel="next""#, "b"),
        (#"<a>; rel="prev next""#, "a"),
        (#"<a>; REL = "NEXT""#, "a"),
        (#"<a,b;c>; title="x, <y>; rel=next"; rel="next""#, "a,b;c"),
        (#"<a>; title="; rel=next", <b>; rel=next"#, "b"),
        (#"<a>; title="\"; rel=next"; rel=last"#, nil),
        (#"<a>; rel=prev; rel=next"#, nil),
        (#"<a>;; rel=next"#, "a"),
        ("<a>; nofollow; rel=next", "a"),
        ("<a>", nil), ("<a>; rel=nextish", nil), ("<a>; xrel=next", nil), ("<>; rel=next", nil), ("", nil),
        ("a; rel=next", nil), ("<a; rel=next", nil), (#"<a>; rel="next"#, nil), ("<a> rel=next", nil),
    ])
    func `the next page's address is found`(_ field: String, _ expected: String?) {
        #expect(LinkField.next(field) == expected)
    }

    @Test func `a link is printed as it is read`() {
        #expect(LinkField.next(LinkField.format(next: "/v2/a/tags/list?n=1&last=b")) == "/v2/a/tags/list?n=1&last=b")
        #expect(LinkField.next("<" + String(repeating: "a", count: LinkField.lengthLimit) + ">; rel=next") == nil)
    }

    // MARK: Rate limits

    @Test(
        arguments: [
            ("100;w=21600", 100, .seconds(21600)), ("0;w=21600", 0, .seconds(21600)), (" 76 ; w=60 ", 76, .seconds(60)),
            ("100", 100, nil), ("100;w=", 100, nil), ("100;w=-1", 100, nil), ("100;burst=5;w=60", 100, .seconds(60)),
            ("100;w=60, 200;w=3600", 100, .seconds(60)), ("100;w=9999999999999", 100, nil),
        ] as [(String, Int64, Duration?)])
    func `a limit and its window are read`(_ field: String, _ count: Int64, _ window: Duration?) {
        #expect(RateLimitField(field) == RateLimitField(count: count, window: window))
    }

    @Test(arguments: ["", ";w=60", "-1;w=60", "1.5", "abc", "１００", "9999999999999999999;w=60", " ", "w=60"])
    func `a malformed limit is none`(_ field: String) {
        #expect(RateLimitField(field) == nil)
    }

    @Test(
        arguments: [
            ("0", 0), ("999999999999999999", 999_999_999_999_999_999), ("007", 7), ("1000000000000000000", nil),
            ("", nil),
            ("-1", nil), ("+1", nil), (" 1", nil), ("1e3", nil), ("１", nil), ("1\0", nil),
        ] as [(String, Int64?)])
    func `a number is digits alone, and cannot overflow`(_ text: String, _ expected: Int64?) {
        #expect(decimal(text) == expected)
    }

    // MARK: Hostile input

    @Test func `no field whatever crashes a parser`() {
        let alphabet = [
            "<", ">", ";", ",", "=", "\"", "\\", " ", "rel", "next", "W/", "*", "100", "w=", "no-cache", "a",
        ]
        for field in hostileTexts(count: 8000, alphabet: alphabet, seed: 10) {
            _ = LinkField.next(field)
            _ = IfNoneMatch(field).matches(Self.tag)
            _ = CacheControl(field)
            _ = RateLimitField(field)
            let printed = CacheStatus(isHit: false, detail: field).description(cache: field)
            #expect(printed.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        }
    }

    @Test func `long fields take time in proportion to their length`() {
        let fields = ["<a>; rel=x,", "\"a\",", "W/", " ", ",", ";", "a=", "\\"].map {
            String(repeating: $0, count: 50_000)
        }
        let elapsed = ContinuousClock().measure {
            for field in fields {
                _ = LinkField.next(String(field.prefix(8192)))
                _ = IfNoneMatch(field)
                _ = CacheControl(field)
                _ = RateLimitField(field)
                _ = RangeRequest(field)
                _ = ContentRange(field)
                _ = HTTPDate.parse(field)
                _ = RetryAfter.parse(field, now: 0)
            }
        }
        #expect(elapsed < .seconds(5))
    }
}
