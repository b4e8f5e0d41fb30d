import OCI
import PeerGrants
import Testing

struct ScopeTests {
    @Test(arguments: [
        ("*", "ghcr.io/team/app", true),
        ("ghcr.io/*", "ghcr.io/team/app", true),
        ("ghcr.io/*", "quay.io/team/app", false),
        ("ghcr.io/team/*", "ghcr.io/team/app", true),
        ("ghcr.io/team/*", "ghcr.io/team/deep/app", true),
        ("ghcr.io/team/*", "ghcr.io/team", false),
        ("ghcr.io/team/*", "ghcr.io/teammates/app", false),
        ("ghcr.io/team/app", "ghcr.io/team/app", true),
        ("ghcr.io/team/app", "ghcr.io/team/app2", false),
        ("ghcr.io/team/app", "ghcr.io/team/app/sub", false),
        ("index.docker.io/library/*", "docker.io/library/nginx", true),
        ("docker.io/library/*", "registry-1.docker.io/library/nginx", true),
        ("registry.example:5000/a", "registry.example/a", false),
    ])
    func `a scope covers what it names`(_ scope: String, _ name: String, _ expected: Bool) throws {
        #expect(try RepositoryScope(scope).covers(try place(name)) == expected)
    }

    @Test(arguments: [
        "", "/", "ghcr.io", "ghcr.io/", "**", "*/team", "ghcr.io/*/app", "ghcr.io/Team", "ghcr.io/te*", "ghcr.io//*",
        "ghcr.io/team/", "ghcr.io/team/**", "-/a", "ghcr.io/" + String(repeating: "a", count: 600),
    ])
    func `a malformed scope is refused`(_ text: String) {
        #expect(throws: GrantError.malformed) { try RepositoryScope(text) }
    }

    @Test(arguments: ["*", "ghcr.io/*", "ghcr.io/team/*", "ghcr.io/team/app"])
    func `a scope is written as it is read`(_ text: String) throws {
        #expect(try RepositoryScope(text).description == text)
    }
}
