import HostileInput
import OCI
import Testing

struct ImageReferenceTests {
    static let digest = "sha256:" + DigestTests.empty

    /// Docker's own table (distribution/reference, `normalize_test.go`) and what follows from it.
    static let wellFormed: [(String, String)] = [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("library/nginx", "docker.io/library/nginx:latest"),
        ("docker/docker", "docker.io/docker/docker:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("docker.io/library/nginx:1", "docker.io/library/nginx:1"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/a/b", "docker.io/a/b:latest"),
        ("registry-1.docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("registry.hub.docker.com/nginx", "docker.io/library/nginx:latest"),
        (
            "docker.io/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a/x",
            "docker.io/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a/x:latest"
        ),
        ("ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1"),
        ("GHCR.IO/a/b", "ghcr.io/a/b:latest"),
        ("quay.io/a", "quay.io/a:latest"),
        ("localhost/a", "localhost/a:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b:1"),
        ("[::1]:5000/a:1", "[::1]:5000/a:1"),
        ("[2001:db8::1]/a", "[2001:db8::1]/a:latest"),
        ("registry:5000/a", "registry:5000/a:latest"),
        // No slash: a name with a tag, whatever it looks like.
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("docker.io", "docker.io/library/docker.io:latest"),
        (digest, "docker.io/library/" + digest),
        // A tag and a digest are both kept.
        ("nginx:1.27@" + digest, "docker.io/library/nginx:1.27@" + digest),
        ("nginx@" + digest, "docker.io/library/nginx@" + digest),
        ("localhost:5000/a@" + digest, "localhost:5000/a@" + digest),
        ("a/b.c_d__e-f---g", "docker.io/a/b.c_d__e-f---g:latest"),
    ]

    @Test(arguments: wellFormed)
    func `a reference is completed as Docker does`(_ text: String, _ expected: String) throws {
        let reference = try ImageReference(text)
        #expect(reference.description == expected)
        #expect(try ImageReference(expected) == reference)
    }

    static let malformed: [(String, ReferenceError)] = [
        ("", .repository(.empty)),
        ("/", .repository(.malformedComponent)),
        ("/nginx", .repository(.malformedComponent)),
        ("nginx/", .repository(.malformedComponent)),
        ("docker.io/", .repository(.empty)),
        ("docker.io//nginx", .repository(.malformedComponent)),
        ("a//b", .repository(.malformedComponent)),
        ("a/../b", .repository(.malformedComponent)),
        ("Nginx", .repository(.malformedComponent)),
        ("ghcr.io/A/b", .repository(.malformedComponent)),
        ("https://github.com/docker/docker", .registry(.malformedPort)),
        ("docker/Docker", .repository(.malformedComponent)),
        ("-docker/foo", .repository(.malformedComponent)),
        ("docker.io./nginx", .registry(.malformed)),
        ("a_b.io/nginx", .registry(.malformed)),
        ("Registry/a", .registry(.malformed)),
        ("host:99999/nginx", .registry(.malformedPort)),
        ("nginx:", .tag(.empty)),
        ("nginx:-a", .tag(.malformed)),
        ("nginx:a:b", .repository(.malformedComponent)),
        ("nginx@", .digest(.missingAlgorithm)),
        ("nginx@sha256:abc", .digest(.wrongLength(expected: 64))),
        ("nginx@md5:abc", .digest(.unsupportedAlgorithm)),
        ("nginx:@" + digest, .tag(.empty)),
        (DigestTests.empty, .imageIdentifier),
        (String(repeating: "a/", count: 600), .tooLong),
        ("nginx:" + String(repeating: "t", count: 129), .tag(.tooLong(limit: 128))),
        ("ng\u{301}inx", .repository(.malformedComponent)),
        ("nginx\0", .repository(.malformedComponent)),
    ]

    @Test(arguments: malformed)
    func `a malformed reference is rejected with its reason`(_ text: String, _ reason: ReferenceError) {
        #expect(throws: reason) { try ImageReference(text) }
        #expect(!reason.description.isEmpty)
    }

    @Test func `a registry is asked for the digest where there is one`() throws {
        let digest = try Digest(Self.digest)
        #expect(try ImageReference("nginx:1@" + Self.digest).reference == .digest(digest))
        let tag = try Tag("1")
        #expect(try ImageReference("nginx:1").reference == .tag(tag))
    }

    @Test func `no text whatever crashes the parser, and what parses prints as something that means the same`() {
        let alphabet = [
            "a", "0", "A", ".", "_", "-", "/", ":", "@", "[", "]", "docker.io", "nginx", "5000", Self.digest,
        ]
        for text in hostileTexts(count: 8000, alphabet: alphabet, seed: 3) {
            guard let reference = try? ImageReference(text) else { continue }
            #expect((try? ImageReference(reference.description)) == reference)
        }
    }
}
