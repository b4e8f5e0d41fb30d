import HTTPSemantics
import Listening
import NIOHTTP1
import OCI
import PullThroughCache
import Rules
import Testing
import Timekeeping
import Upstream

@testable import RegistryServer

@Suite struct DecisionTests {
    @Test(arguments: [
        ("bytes=0-9", nil as String?, 100 as Int64?, RangeDecision.partial(0..<10)),
        ("bytes=90-200", nil, 100, .partial(90..<100)),
        ("bytes=50-", nil, 100, .partial(50..<100)),
        ("bytes=-10", nil, 100, .partial(90..<100)),
        ("bytes=100-", nil, 100, .unsatisfiable),
        ("bytes=-0", nil, 100, .unsatisfiable),
        ("bytes=0-", nil, 0, .unsatisfiable),
        ("bytes=0-1,5-6", nil, 100, .whole),
        ("items=0-1", nil, 100, .whole),
        ("bytes=9-1", nil, 100, .whole),
        ("bytes=0-99999999999999999999", nil, 100, .partial(0..<100)),
        ("bytes=0-9", nil, nil, .whole),
        ("bytes=0-9", "\"tag\"", 100, .partial(0..<10)),
        ("bytes=0-9", "\"other\"", 100, .whole),
        ("bytes=0-9", "W/\"tag\"", 100, .whole),
        ("bytes=0-9", "Sun, 06 Nov 1994 08:49:37 GMT", 100, .whole),
    ])
    func `a range is decided upon`(_ range: String, _ ifRange: String?, _ size: Int64?, _ decision: RangeDecision) {
        #expect(RangeDecision(range: range, ifRange: ifRange, tag: EntityTag("tag"), size: size) == decision)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.1.2.3", false), ("0.0.0.0/0", "1.2.3.4", true),
        ("192.168.1.128/25", "192.168.1.200", true), ("192.168.1.128/25", "192.168.1.100", false),
        ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("::ffff:10.0.0.0/104", "10.1.2.3", true), ("::1/128", "::1", true), ("fd00::/8", "fd12::1", true),
        ("fd00::/8", "fe80::1", false), ("::/0", "10.0.0.1", false), ("fe80::/10", "fe80::1%eth0", true),
        ("10.0.0.0/9", "10.128.0.1", false),
    ])
    func `a block of addresses has its members`(_ block: String, _ address: String, _ isMember: Bool) throws {
        let block = try #require(AddressBlock(block))
        #expect(block.contains(try #require(NetworkAddress(address))) == isMember)
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::1/129", "a/8", "10.0.0.0/-1", "10.0.0.0/8/8", "/8",
    ])
    func `a malformed block is refused`(_ text: String) { #expect(AddressBlock(text) == nil) }

    @Test(arguments: [
        (CacheError.manifestUnknown, 404, ErrorCode.manifestUnknown),
        (.blobUnknown, 404, .blobUnknown),
        (.nameUnknown, 404, .nameUnknown),
        (.ruleUnknown, 404, .nameUnknown),
        (.manifestInvalid(.schema1), 502, .manifestInvalid),
        (.sizeMismatch(expected: 1, actual: 2), 502, .digestInvalid),
        (.overloaded(retryAfter: .seconds(3)), 503, .unavailable),
        (.storage("disk /var/lib/weir"), 500, .unknown),
        (.upstream(.notFound), 404, .manifestUnknown),
        (.upstream(.unauthorized(status: 401)), 403, .unauthorized),
        (.upstream(.unauthorized(status: 403)), 403, .unauthorized),
        (.upstream(.rateLimited(.pull, retryAfter: .seconds(60))), 429, .tooManyRequests),
        (.upstream(.rateLimited(.abuse, retryAfter: nil)), 429, .tooManyRequests),
        (.upstream(.budgetSpent(spent(leadsToUpstream: false))), 429, .tooManyRequests),
        (.upstream(.budgetSpent(spent(leadsToUpstream: true))), 403, .unauthorized),
        (.upstream(.credentialsUnavailable(reason: "x")), 503, .unavailable),
        (.upstream(.unreachable(reason: "x")), 503, .unavailable),
        (.upstream(.timedOut), 504, .unavailable),
        (.upstream(.serverError(status: 500, retryAfter: nil)), 502, .unavailable),
        (.upstream(.serverError(status: 503, retryAfter: .seconds(9))), 503, .unavailable),
        (.upstream(.unexpectedStatus(418)), 502, .unavailable),
        (.upstream(.malformedAnswer(reason: "x")), 502, .unavailable),
        (.upstream(.truncated), 502, .unavailable),
        (.upstream(.tooLarge(limitBytes: 4)), 502, .manifestInvalid),
        (.upstream(.redirectRefused(reason: "x")), 502, .denied),
        (.upstream(.realmRefused(realm: "x")), 502, .denied),
        (.upstream(.tokenEndpoint(reason: "x")), 502, .unavailable),
        (.upstream(.cancelled), 503, .unavailable),
        (.cancelled, 503, .unavailable),
    ])
    func `every error of the cache has a status and a code`(_ error: CacheError, _ status: Int, _ code: ErrorCode)
        throws
    {
        let mapping = ErrorMapping(error, kind: .manifest, rule: try RuleName("dockerhub"))
        #expect(mapping.status == status)
        #expect(mapping.error.code == code)
        #expect(mapping.status != 401)
    }

    private static func spent(leadsToUpstream: Bool) -> UpstreamError.SpentBudget {
        UpstreamError.SpentBudget(
            reason: .spent, until: Timestamp(seconds: 1_700_003_600), retryAfter: .seconds(3600),
            leadsToUpstream: leadsToUpstream)
    }

    @Test(arguments: [false, true])
    func `a spent budget says which rule it is, and when it works again`(_ leadsToUpstream: Bool) throws {
        let error = CacheError.upstream(.budgetSpent(Self.spent(leadsToUpstream: leadsToUpstream)))
        let mapping = ErrorMapping(error, kind: .manifest, rule: try RuleName("dockerhub"))
        #expect(mapping.retryAfter == .seconds(3600))
        #expect(
            mapping.error.message == "rule 'dockerhub': the upstream's pull limit is reached for every account and "
                + "address; it works again at Tue, 14 Nov 2023 23:13:20 GMT, in 1h 0m")
    }

    @Test func `an error keeps its wait, names its rule, and tells no path of this machine`() throws {
        let rule = try RuleName("dockerhub")
        let limited = ErrorMapping(
            .upstream(.rateLimited(.pull, retryAfter: .seconds(60))), kind: .manifest, rule: rule)
        #expect(limited.retryAfter == .seconds(60))
        #expect(limited.error.message.contains("dockerhub"))
        #expect(ErrorMapping(.overloaded(retryAfter: .seconds(3)), kind: .blob, rule: rule).retryAfter == .seconds(3))
        #expect(!ErrorMapping(.storage("/var/lib"), kind: .blob, rule: rule).error.message.contains("/var/lib"))
        #expect(ErrorMapping(.upstream(.notFound), kind: .blob, rule: rule).error.code == .blobUnknown)
        #expect(ErrorMapping(.upstream(.notFound), kind: .tags, rule: rule).error.code == .nameUnknown)
    }

    @Test(arguments: [
        ("", nil as Int?, nil as String?), ("n=0", 0, nil), ("n=5&last=b", 5, "b"), ("last=", nil, nil),
        ("n=10000000", Pagination.limitMax, nil), ("n=99999999999999999999999", Pagination.limitMax, nil),
    ])
    func `a page is described by n and last`(_ query: String, _ limit: Int?, _ last: String?) throws {
        let page = try Pagination(RequestQuery(query[...]))
        #expect(page.limit == limit)
        #expect(page.last == last)
    }

    @Test(arguments: ["n=", "n=-1", "n=a", "n=1&n=2", "n=%31x", "n=1.5", "n=+1", "last=a&last=b"])
    func `a malformed page is refused`(_ query: String) {
        let error = #expect(throws: RegistryError.self) { try Pagination(RequestQuery(query[...])) }
        #expect(error?.code == .paginationNumberInvalid)
    }

    @Test(arguments: [
        ([("Content-Length", "0")], RequestFields.BodyFraming.none, false),
        ([("content-length", "5")], .length(5), false),
        ([("Transfer-Encoding", "chunked")], .chunked, false),
        ([("Content-Length", "5"), ("Content-Length", "5")], .length(5), true),
        ([("Content-Length", "5"), ("Transfer-Encoding", "chunked")], .chunked, true),
        ([("Transfer-Encoding", "chunked"), ("Content-Length", "5")], .chunked, true),
        ([("Content-Length", "-5")], .none, true),
        ([("Content-Length", "5, 5")], .none, true),
    ])
    func `a body's length is never a matter of opinion`(
        _ fields: [(String, String)], _ framing: RequestFields.BodyFraming, _ isMisframed: Bool
    ) {
        let fields = RequestFields(HTTPHeaders(fields))
        #expect(fields.framing == framing)
        #expect(fields.isMisframed == isMisframed)
    }

    @Test(arguments: [
        ("0.0.0.0:5000", "0.0.0.0" as String?, 5000), ("[::]:80", "::", 80), ("localhost:0", "localhost", 0),
        (":5000", "::", 5000), ("::1:5000", nil, 0), ("host", nil, 0), ("host:", nil, 0), ("host:70000", nil, 0),
        ("host:-1", nil, 0), ("[]:1", nil, 0),
    ])
    func `an address to listen on is a host and a port`(_ text: String, _ host: String?, _ port: Int) {
        let address = ListenAddress(text)
        #expect(address?.host == host)
        if host != nil { #expect(address?.port == port) }
    }

    @Test func `what may be said once is nothing where it is said twice`() {
        let once = RequestFields(
            HTTPHeaders([("Range", "bytes=0-1"), ("Weir-Grant", "a"), ("Weir-Proof", "b")]))
        #expect(once.range == "bytes=0-1" && once.grant == "a" && once.proof == "b")
        let twice = RequestFields(
            HTTPHeaders([
                ("Range", "bytes=0-1"), ("range", "bytes=0-1"), ("Weir-Grant", "a"), ("weir-grant", "a"),
                ("Weir-Proof", "b"), ("weir-proof", "b"), ("Weir-Proof", "b"),
            ]))
        #expect(twice.range == nil && twice.grant == nil && twice.proof == nil)
    }

    @Test(
        arguments: [
            ("ci", "ci"), ("cluster-a/node-7", "cluster-a/node-7"), ("me@host.corp_1", "me@host.corp_1"), ("", nil),
            ("two words", nil), ("a\u{1B}[31m", nil), ("grün", nil), ("a,b", nil),
            (String(repeating: "a", count: 64), String(repeating: "a", count: 64)),
            (String(repeating: "a", count: 65), nil),
        ] as [(String, String?)])
    func `a client's own name is of letters that no list of names minds`(_ text: String, _ name: String?) {
        #expect(RequestFields(HTTPHeaders([("Weir-Client", text)])).clientName == name)
    }

    /// Fields, whether the connection is of HTTP/2, and the status of a refusal, or what is done instead.
    @Test(
        arguments: [
            ([("Host", "a")], false, "serve"), ([], false, "400"), ([], true, "serve"),
            ([("Host", "a"), ("Host", "a")], false, "400"),
            ([("Host", "a"), ("Content-Length", "5"), ("Content-Length", "6")], false, "400"),
            ([("Host", "a"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked")], false, "400"),
            ([("Host", "a"), ("Content-Length", "65536")], false, "serve"),
            ([("Host", "a"), ("Content-Length", "65537")], false, "close"),
            ([("Host", "a"), ("Transfer-Encoding", "chunked")], false, "serve"),
            ([("Host", "a"), ("Content-Length", "5"), ("Expect", "100-continue")], false, "close"),
            ([("Host", "a"), ("Upgrade", "h2c")], false, "close"),
        ] as [([(String, String)], Bool, String)])
    func `a head is served, served for the last time, or refused`(
        _ fields: [(String, String)], _ isHTTP2: Bool, _ expected: String
    ) {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/v2/")
        let admission = RequestAdmission(head, fields: RequestFields(HTTPHeaders(fields)), isHTTP2: isHTTP2)
        let outcome =
            switch admission {
            case .serve: "serve"
            case .serveAndClose: "close"
            case .refuse(let status, _): "\(status)"
            }
        #expect(outcome == expected)
    }
}
