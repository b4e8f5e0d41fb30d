import FoundationEssentials
import NIOCore
import OCI
import Testing

@testable import UpstreamClient

struct AddressTests {
    @Test(
        arguments: [
            ("8.8.8.8", .publicNetwork), ("104.16.1.1", .publicNetwork), ("2606:4700::6810:1", .publicNetwork),
            ("127.0.0.1", .loopback), ("127.255.255.254", .loopback), ("::1", .loopback), ("localhost", .loopback),
            ("a.localhost", .loopback), ("::ffff:127.0.0.1", .loopback), ("::127.0.0.1", .loopback),
            ("::ffff:7f00:1", .loopback), ("64:ff9b::7f00:1", .loopback), ("2002:7f00:1::", .loopback),
            ("2001:0:1:1:1:1:80ff:fffe", .loopback),
            ("2130706433", .loopback), ("0x7f000001", .loopback), ("0177.0.0.1", .loopback), ("127.1", .loopback),
            ("0x7f.0.0.1", .loopback), ("017700000001", .loopback),
            ("10.1.2.3", .privateNetwork), ("172.16.0.1", .privateNetwork), ("172.31.255.255", .privateNetwork),
            ("172.32.0.1", .publicNetwork), ("192.168.1.1", .privateNetwork), ("fd12:3456::1", .privateNetwork),
            ("fc00::1", .privateNetwork), ("fec0::1", .privateNetwork), ("64:ff9b:1::a00:1", .privateNetwork),
            ("::ffff:10.0.0.1", .privateNetwork), ("2002:c0a8:101::", .privateNetwork),
            ("169.254.1.1", .linkLocal), ("fe80::1", .linkLocal), ("febf::1", .linkLocal),
            ("169.254.169.254", .metadata), ("169.254.170.2", .metadata), ("100.100.100.200", .metadata),
            ("168.63.129.16", .metadata), ("fd00:ec2::254", .metadata), ("::ffff:169.254.169.254", .metadata),
            ("2852039166", .metadata), ("0xa9fea9fe", .metadata), ("64:ff9b::a9fe:a9fe", .metadata),
            ("100.64.0.1", .carrierGradeNAT), ("100.127.255.255", .carrierGradeNAT), ("100.128.0.1", .publicNetwork),
            ("0.0.0.0", .unspecified), ("0", .unspecified), ("::", .unspecified), ("0.1.2.3", .unspecified),
            ("224.0.0.1", .multicast), ("239.255.255.250", .multicast), ("ff02::1", .multicast),
            ("255.255.255.255", .reserved), ("240.0.0.1", .reserved), ("192.0.2.1", .reserved),
            ("198.18.0.1", .reserved),
            ("203.0.113.9", .reserved), ("192.0.0.192", .reserved), ("2001:db8::1", .reserved), ("100::1", .reserved),
            ("4000::1", .reserved),
        ] as [(String, AddressClass)])
    func `an address belongs to a network, however it is spelled`(_ text: String, _ expected: AddressClass) throws {
        #expect(AddressClass.ofLiteral(text) == expected)
        if let address = try? SocketAddress(ipAddress: text, port: 1) { #expect(AddressClass.of(address) == expected) }
    }

    @Test(arguments: ["example.com", "registry-1.docker.io", "1.2.3.4.5", "cafe", "localhost.example.com", ""])
    func `a name is no address`(_ text: String) { #expect(AddressClass.ofLiteral(text) == nil) }

    @Test(
        arguments: [
            (.publicNetwork, .publicNetwork, true), (.loopback, .publicNetwork, false),
            (.privateNetwork, .publicNetwork, false),
            (.metadata, .publicNetwork, false), (.reserved, .publicNetwork, false),
            (.unspecified, .publicNetwork, false),
            (.loopback, .loopback, true), (.publicNetwork, .loopback, true), (.privateNetwork, .loopback, false),
            (.privateNetwork, .privateNetwork, true), (.loopback, .privateNetwork, false),
            (.linkLocal, .privateNetwork, false),
            (.metadata, .linkLocal, false), (.metadata, .metadata, false), (.multicast, .multicast, false),
            ([.publicNetwork, .loopback], .publicNetwork, false),
            ([.publicNetwork, .privateNetwork], .privateNetwork, true),
            ([], .publicNetwork, false),
        ] as [(AddressClass, AddressClass, Bool)])
    func `an upstream may send us to the public, and to its like`(
        target: AddressClass, upstream: AddressClass, isAllowed: Bool
    ) {
        #expect((AddressPolicy.allowed(target: target, upstream: upstream) != nil) == isAllowed)
    }

    @Test(arguments: [
        ("https://registry-1.docker.io/v2/", "https://registry-1.docker.io/v2/"),
        ("HTTPS://Example.COM:443/a?sig=secret#x", "https://example.com/a"),
        ("http://example.com:8080", "http://example.com:8080"),
        ("https://[2001:DB8::1]:5000/x", "https://[2001:db8::1]:5000/x"),
        ("https://example.com./x", "https://example.com/x"),
    ])
    func `an address is described without what is secret`(_ text: String, _ expected: String) throws {
        #expect("\(try WebAddress(text))" == expected)
    }

    @Test(arguments: [
        "", "example.com", "ftp://example.com/", "https://", "https:///x", "https://user:pw@example.com/",
        "https://user@example.com/", "https://example.com:0/", "https://example.com:65536/", "https://exa mple.com/",
        "https://example.com\\@evil.test/", "https://ex%61mple.com/", "file:///etc/passwd", "https://[fe80::1%25eth0]/",
        "https://example.com/\r\nX: y", "javascript:alert(1)", "//example.com/", "https://\u{FF45}xample.com/",
    ])
    func `what is no plain web address is refused`(_ text: String) {
        #expect(throws: WebAddressError.self) { try WebAddress(text) }
    }

    @Test(arguments: [
        ("/v2/b", "https://a.test/v2/b"), ("b?x=%2F+%20~", "https://a.test/v2/b?x=%2F+%20~"),
        ("//b.test/c", "https://b.test/c"), ("https://b.test/c%2Fd?e=f%3D", "https://b.test/c%2Fd?e=f%3D"),
        ("?q", "https://a.test/v2/x?q"), ("../y", "https://a.test/y"),
    ])
    func `a location is resolved, and its encoding kept`(_ location: String, _ expected: String) throws {
        let base = try WebAddress("https://a.test/v2/x")
        #expect(try WebAddress(location, relativeTo: base).url.absoluteString == expected)
    }

    private static let base = "https://a.test/v2/x"

    @Test(
        arguments: [
            (200, "https://b.test/", 0, .answer), (304, "https://b.test/", 0, .answer),
            (307, "https://b.test/y", 0, .follow(try WebAddress("https://b.test/y"), keepsAuthorization: false)),
            (302, "/y", 4, .follow(try WebAddress("https://a.test/y"), keepsAuthorization: true)),
            (301, "https://A.TEST:443/y", 0, .follow(try WebAddress("https://A.TEST:443/y"), keepsAuthorization: true)),
            (
                308, "https://a.test:8443/y", 0,
                .follow(try WebAddress("https://a.test:8443/y"), keepsAuthorization: false)
            ),
            (307, "/y", 5, .refuse(reason: "there were more than 5 in a row")),
            (307, nil, 0, .refuse(reason: "it names no target")),
            (307, "http://a.test/y", 0, .refuse(reason: "it leads from https to http")),
            (307, "ftp://a.test/y", 0, .refuse(reason: "the address is neither http nor https")),
            (303, "https://u:p@b.test/", 0, .refuse(reason: "the address carries credentials")),
        ] as [(Int, String?, Int, RedirectDecision)])
    func `a redirect is followed, or refused with its reason`(
        status: Int, location: String?, followed: Int, expected: RedirectDecision
    ) throws {
        let decision = RedirectDecision.decide(
            status: status, location: location, from: try WebAddress(Self.base), isRead: true, followed: followed,
            limit: 5)
        #expect(decision == expected)
    }

    @Test func `what is not a read is never redirected`() throws {
        let decision = RedirectDecision.decide(
            status: 307, location: "/y", from: try WebAddress(Self.base), isRead: false, followed: 0, limit: 5)
        #expect(decision == .refuse(reason: "only GET and HEAD are redirected"))
    }

    @Test(
        arguments: [
            ("https://auth.docker.io/token", "https://registry-1.docker.io", [], true),
            ("https://ghcr.io/token", "https://ghcr.io", [], true),
            ("https://quay.io/v2/auth", "https://quay.io", [], true),
            ("https://gitlab.com/jwt/auth", "https://registry.gitlab.com", [], true),
            ("https://docker-auth.elastic.co/auth", "https://docker.elastic.co", [], true),
            ("https://evil.test/token", "https://registry-1.docker.io", [], false),
            ("https://docker.io.evil.test/", "https://registry-1.docker.io", [], false),
            ("https://evildocker.io/", "https://registry-1.docker.io", [], false),
            ("http://auth.docker.io/token", "https://registry-1.docker.io", [], false),
            ("https://auth.example.co.uk/", "https://registry.other.co.uk", [], false),
            ("https://auth.example.co.uk/", "https://registry.example.co.uk", [], true),
            ("https://evil.azurecr.io/", "https://mine.azurecr.io", [], false),
            ("https://mine.azurecr.io/oauth2/token", "https://mine.azurecr.io", [], true),
            ("https://1.dkr.ecr.eu-west-1.amazonaws.com/", "https://2.dkr.ecr.eu-west-1.amazonaws.com", [], false),
            ("https://sso.test:8443/token", "https://registry.example", ["sso.test"], true),
            ("https://sso.test:8443/token", "https://registry.example", ["sso.test:8443"], true),
            ("https://sso.test:9443/token", "https://registry.example", ["sso.test:8443"], false),
            ("http://sso.test/token", "https://registry.example", ["sso.test"], false),
            ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000", [], true),
            ("http://127.0.0.2:5001/token", "http://127.0.0.1:5000", [], false),
            ("http://192.168.1.2/token", "http://192.168.1.1", [], false),
            ("https://127.0.0.1:5001/token", "http://127.0.0.1:5000", [], true),
            ("http://registry/token", "http://registry:5000", [], true),
            ("http://auth/token", "http://registry:5000", [], false),
            ("http://a.svc.cluster.local/", "http://b.svc.cluster.local", [], false),
        ] as [(String, String, [String], Bool)])
    func `a token endpoint is trusted under the upstream's own roof`(
        realm: String, upstream: String, trusted: [String], expected: Bool
    ) throws {
        let isTrusted = RealmTrust.isTrusted(
            realm: try WebAddress(realm), upstream: try WebAddress(upstream),
            trustedHosts: try trusted.map { try RegistryHost($0) })
        #expect(isTrusted == expected)
    }
}
