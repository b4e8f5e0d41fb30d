import HostileInput
import OCI
import Testing

struct NameTests {
    // MARK: Repositories

    @Test(arguments: [
        "a", "library/nginx", "a.b", "a_b", "a__b", "a-b", "a--b", "a-----b", "0/1/2", "a/b/c/d/e/f",
        "foo.com/bar-1__2", String(repeating: "a", count: 255), "test_com/foo", "xn--n3h.com/myimage",
    ])
    func `a well-formed repository name is taken`(_ text: String) throws {
        #expect(try RepositoryName(text).description == text)
    }

    @Test(arguments: [
        "", "/", "//", "a/", "/a", "a//b", "A", "a/B", ".", "..", "../a", "a/..", "a/../b", "a..b", "a___b", "a._b",
        "a_.b", "a.-b", "-a", "a-", "_a", "a_", ".a", "a.", "a b", "a\0", "a\n", "a%2fb", "a%2e", "a:b", "a@b", "a\\b",
        "é", "a\u{301}", "\u{212A}", "１", "~", "a+b", "a?b", "a#b", String(repeating: "a", count: 256),
    ])
    func `a malformed repository name is rejected`(_ text: String) {
        #expect(throws: RepositoryNameError.self) { try RepositoryName(text) }
    }

    @Test func `a repository's components are what stands between slashes`() throws {
        #expect(try RepositoryName("a/b-c/d").components == ["a", "b-c", "d"])
    }

    // MARK: Tags

    @Test(arguments: [
        "latest", "1.27-alpine", "_", "__", "A", "v1.2.3-rc1", "1..2", "a-", "a.", String(repeating: "t", count: 128),
    ])
    func `a well-formed tag is taken`(_ text: String) throws {
        #expect(try Tag(text).description == text)
    }

    @Test(arguments: [
        "", ".", "-", ".a", "-a", "a/b", "a:b", "a@b", "a b", "a\0", "a+b", "ä", "a\u{301}", "１",
        String(repeating: "t", count: 129),
    ])
    func `a malformed tag is rejected`(_ text: String) {
        #expect(throws: TagError.self) { try Tag(text) }
    }

    @Test func `the tag of a subject's referrers is cut as the specification says`() throws {
        let short = try Digest("sha256:" + DigestTests.empty)
        let long = try Digest("sha512:" + String(repeating: "a", count: 64) + String(repeating: "b", count: 64))
        #expect(Tag(referrersOf: short).description == "sha256-" + DigestTests.empty)
        #expect(Tag(referrersOf: long).description == "sha512-" + String(repeating: "a", count: 64))
    }

    // MARK: Hosts

    @Test(
        arguments: [
            ("docker.io", "docker.io", nil),
            ("GHCR.io", "ghcr.io", nil),
            ("localhost", "localhost", nil),
            ("localhost:5000", "localhost", 5000),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("a-b.c", "a-b.c", nil),
            ("host:00443", "host", 443),
            ("host:65535", "host", 65535),
            ("[::1]", "[::1]", nil),
            ("[::1]:5000", "[::1]", 5000),
            ("[::]", "[::]", nil),
            ("[FE80::1:2]", "[fe80::1:2]", nil),
            ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", nil),
            ("[1::8]", "[1::8]", nil),
            ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", nil),
            ("[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.1]", 80),
        ] as [(String, String, UInt16?)])
    func `a well-formed host is taken, in lower case`(_ text: String, _ name: String, _ port: UInt16?) throws {
        let host = try RegistryHost(text)
        #expect(host.name == name)
        #expect(host.port == port)
    }

    @Test(arguments: [
        "", ".", "docker.io.", ".docker.io", "a..b", "-a", "a-", "a_b", "a b", "a/b", "a@b", "user:pw@host", "host:",
        "host:0", "host:65536", "host:99999", "host:000443", "host:+1", "host:-1", "host:８０", "host:5000:1", "host:5 ",
        "[]", "[", "]", "[::1", "::1", "[::1]5000", "[::1]:", "[:::]", "[1::2::3]", "[:1:2:3:4:5:6:7]", "[1:2]",
        "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[12345::]", "[g::]", "[::1.2.3]", "[::1.2.3.256]",
        "[::1.2.3.4:5]", "[fe80::1%eth0]", "doc\u{212A}er.io", "d\u{301}ocker.io", "é.io", "a\0.io", "%64ocker.io",
        String(repeating: "a", count: 64) + ".io", String(repeating: "a.", count: 127) + "io",
    ])
    func `a malformed host is rejected`(_ text: String) {
        #expect(throws: RegistryHostError.self) { try RegistryHost(text) }
    }

    @Test(arguments: [
        ("docker.io", "docker.io"), ("index.docker.io", "docker.io"), ("registry-1.docker.io", "docker.io"),
        ("registry.hub.docker.com", "docker.io"), ("Index.Docker.IO", "docker.io"),
        // Other ports and other hosts are other registries.
        ("docker.io:443", "docker.io:443"), ("registry-1.docker.io:5000", "registry-1.docker.io:5000"),
        ("docker.com", "docker.com"), ("evil-docker.io", "evil-docker.io"),
        ("docker.io.evil.com", "docker.io.evil.com"),
        ("ghcr.io", "ghcr.io"),
    ])
    func `only Docker Hub's own names are brought to one`(_ text: String, _ canonical: String) throws {
        #expect(try RegistryHost(text).canonical.description == canonical)
    }

    // MARK: Manifest references

    @Test func `a colon tells a digest from a tag`() throws {
        #expect(try ManifestReference("latest") == .tag(.latest))
        #expect(
            try ManifestReference("sha256:" + DigestTests.empty) == .digest(Digest("sha256:" + DigestTests.empty)))
        #expect(throws: ReferenceError.digest(.unsupportedAlgorithm)) { try ManifestReference("latest:1") }
        #expect(throws: ReferenceError.tag(.empty)) { try ManifestReference("") }
    }

    // MARK: Platforms and media types

    @Test func `a platform has two or three parts of printable ASCII`() throws {
        #expect(Platform("linux/arm64/v8") == Platform(os: "linux", architecture: "arm64", variant: "v8"))
        #expect(Platform("linux/amd64")?.description == "linux/amd64")
        let tooLong = "linux/" + String(repeating: "a", count: 65)
        for text in ["", "linux", "linux/", "/amd64", "a/b/c/d", "a//b", "linux/am d64", "linux/a\u{1B}[31m", tooLong] {
            #expect(Platform(text) == nil)
        }
    }

    @Test(arguments: [
        ("application/json", "application/json"),
        (" Application/VND.OCI.Image.Index.V1+JSON ; charset=utf-8", "application/vnd.oci.image.index.v1+json"),
        ("text/html;", "text/html"),
        ("a/b", "a/b"),
    ])
    func `a media type is read without parameters, in lower case`(_ text: String, _ expected: String) {
        #expect(MediaType(text)?.description == expected)
    }

    @Test(arguments: [
        "", "/", "a/", "/b", "a", "a/b/c", "a b/c", "a/b\r\nX: y", "a/\0", "é/b", "a\u{212A}/b", "<a>/b", "\"a\"/b",
        "a/b\u{37E}q=1", String(repeating: "a", count: 128) + "/b", String(repeating: " ", count: 600) + "a/b",
    ])
    func `what is no media type is none`(_ text: String) {
        #expect(MediaType(text) == nil)
    }

    @Test func `the registered types are well formed, and known for what they are`() {
        for type in MediaType.manifests { #expect(MediaType(type.description) == type && type.isManifest) }
        #expect(MediaType.manifests.filter(\.isIndex) == [.ociIndex, .dockerManifestList])
        #expect(MediaType.dockerSchema1Signed.isSchema1 && !MediaType.dockerSchema1Signed.isManifest)
        #expect(MediaType("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")?.isNonDistributable == true)
        #expect(MediaType("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd")?.isNonDistributable == true)
        #expect(!MediaType.octetStream.isNonDistributable)
    }

    // MARK: Hostile input

    @Test func `no text whatever crashes a parser, and what parses prints the same`() {
        let alphabet = ["a", "z", "0", "9", "A", ".", "_", "-", "/", ":", "@", "[", "]", "docker.io", "localhost", ";"]
        for text in hostileTexts(count: 6000, alphabet: alphabet, seed: 2) {
            if let name = try? RepositoryName(text) { #expect(name.description == text) }
            if let tag = try? Tag(text) { #expect(tag.description == text) }
            if let host = try? RegistryHost(text) { #expect((try? RegistryHost(host.description)) == host) }
            if let type = MediaType(text) { #expect(MediaType(type.description) == type) }
            if let platform = Platform(text) { #expect(platform.description == text) }
            _ = try? ManifestReference(text)
        }
    }
}
