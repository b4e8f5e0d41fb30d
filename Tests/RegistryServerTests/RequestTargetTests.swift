import HTTPSemantics
import Testing

@testable import RegistryServer

@Suite struct RequestTargetTests {
    @Test(arguments: [
        ("/v2/", "/v2/", nil as String?),
        ("/v2/library/nginx/manifests/latest", "/v2/library/nginx/manifests/latest", nil),
        ("/v2/a/blobs/sha256%3Aab", "/v2/a/blobs/sha256:ab", nil),
        ("/v2/%61/tags/list?n=1", "/v2/a/tags/list", nil),
        ("http://weir.test:5000/v2/a/tags/list", "/v2/a/tags/list", "weir.test:5000"),
        ("HTTPS://weir.test/v2/", "/v2/", "weir.test"),
        ("http://weir.test", "/", "weir.test"),
        ("http://weir.test?x=1", "/", "weir.test"),
    ])
    func `a target is split into authority and path`(_ text: String, _ path: String, _ authority: String?) throws {
        let target = try RequestTarget(text, limitBytes: 8192)
        #expect(target.path == path)
        #expect(target.authority == authority)
    }

    @Test(arguments: [
        "", "*", "v2/", "weir.test:443", "ftp://weir.test/v2/", "http:///v2/", "http://user@weir.test/v2/", "/v2/a b",
        "/v2/a#b", "/v2/\u{0}", "/v2/\u{E9}", "/v2/%", "/v2/%4", "/v2/%zz", "/v2/%00", "/v2/%2F", "/v2/%2f", "/v2/%20",
        "/v2/%C3%A9", "/v2/%0D%0A", "/v2/%7F",
    ])
    func `a hostile target is refused`(_ text: String) {
        #expect(throws: RequestTargetError.malformed) { try RequestTarget(text, limitBytes: 8192) }
    }

    @Test func `a target over the limit is refused`() throws {
        _ = try RequestTarget("/" + String(repeating: "a", count: 99), limitBytes: 100)
        #expect(throws: RequestTargetError.tooLong(limitBytes: 100)) {
            try RequestTarget("/" + String(repeating: "a", count: 100), limitBytes: 100)
        }
    }

    @Test(arguments: [
        ("ns=docker.io", "docker.io" as String?), ("n=1&ns=ghcr.io&x", "ghcr.io"), ("ns=a&ns=a", "a"), ("ns=", ""),
        ("ns", ""), ("nsx=1", nil), ("", nil), ("ns=a%3A5000", "a:5000"), ("&&ns=a&", "a"), ("ns=a+b", "a+b"),
        ("ns=a=b", "a=b"),
    ])
    func `a parameter is found by its name`(_ query: String, _ value: String?) throws {
        #expect(try RequestQuery(query[...]).value(of: "ns") == value)
    }

    @Test(arguments: ["ns=a&ns=b", "ns=%", "ns=%00", "ns=%C3%A9", "ns=%0a", "ns=&ns=a"])
    func `an ambiguous or malformed parameter is refused`(_ query: String) {
        #expect(throws: RequestQueryError.self) { try RequestQuery(query[...]).value(of: "ns") }
    }

    @Test func `percent-encoding and decoding are each other's inverse`() throws {
        let text = "a/b:c?d=e&f+g h~_.-%"
        #expect(percentEncoded("a/b +") == "a%2Fb%20%2B")
        #expect(percentDecoded(percentEncoded(text)[...], allowing: { _ in true }) == text)
    }
}
