import HTTPSemantics
import HostileInput
import Testing

struct ChallengeTests {
    static func challenge(_ scheme: String, _ parameters: [String: String] = [:]) -> Challenge {
        Challenge(scheme: scheme, parameters: parameters)
    }

    /// As registries send them, and RFC 9110's examples.
    static let fields: [(String, [Challenge])] = [
        (
            #"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:samalba/my-app:pull,push""#,
            [
                challenge(
                    "bearer",
                    [
                        "realm": "https://auth.docker.io/token", "service": "registry.docker.io",
                        "scope": "repository:samalba/my-app:pull,push",
                    ])
            ]
        ),
        (
            #"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#,
            [
                challenge(
                    "bearer",
                    ["realm": "https://ghcr.io/token", "service": "ghcr.io", "scope": "repository:user/image:pull"])
            ]
        ),
        (
            #"Bearer realm="https://gitlab.com/jwt/auth",service="container_registry",scope="repository:a/b:pull",error="invalid_token""#,
            [
                challenge(
                    "bearer",
                    [
                        "realm": "https://gitlab.com/jwt/auth", "service": "container_registry",
                        "scope": "repository:a/b:pull", "error": "invalid_token",
                    ])
            ]
        ),
        (
            #"Basic realm="https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#,
            [
                challenge(
                    "basic",
                    [
                        "realm": "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/",
                        "service": "ecr.amazonaws.com",
                    ])
            ]
        ),
        (
            #"Bearer realm="https://nvcr.io/proxy_auth",scope="repository:nvidia/cuda:pull,push""#,
            [
                challenge(
                    "bearer",
                    ["realm": "https://nvcr.io/proxy_auth", "scope": "repository:nvidia/cuda:pull,push"])
            ]
        ),
        // RFC 9110, 11.6.1.
        (
            #"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#,
            [
                challenge("basic", ["realm": "simple"]),
                challenge("newauth", ["realm": "apps", "type": "1", "title": #"Login to "apps""#]),
            ]
        ),
        (
            #"Basic realm="a", charset="UTF-8", Bearer realm="b, Basic realm=c""#,
            [
                challenge("basic", ["realm": "a", "charset": "UTF-8"]),
                challenge("bearer", ["realm": "b, Basic realm=c"]),
            ]
        ),
        ("Negotiate", [challenge("negotiate")]),
        (#"Negotiate, Basic realm="x""#, [challenge("negotiate"), challenge("basic", ["realm": "x"])]),
        (#"Negotiate YII/+~A==, Basic realm="x""#, [challenge("negotiate"), challenge("basic", ["realm": "x"])]),
        (#"Basic realm="x", Negotiate YII"#, [challenge("basic", ["realm": "x"]), challenge("negotiate")]),
        ("BASIC Realm = x ,Charset\t=\tUTF-8", [challenge("basic", ["realm": "x", "charset": "UTF-8"])]),
        (",, ,Basic realm=x,,", [challenge("basic", ["realm": "x"])]),
        ("Bearer realm=\"\",service=y", [challenge("bearer", ["realm": "", "service": "y"])]),
        ("Bearer realm=first,realm=second", [challenge("bearer", ["realm": "first"])]),
        (#"Bearer realm="back\\slash""#, [challenge("bearer", ["realm": #"back\slash"#])]),
        // What makes no sense ends the reading.
        ("", []),
        ("=", []),
        ("\"Bearer\"", []),
        ("Bearer=x", []),
        (#"Bearer realm="a",service="never ends"#, [challenge("bearer", ["realm": "a"])]),
        (#"Bearer realm="a\"#, [challenge("bearer")]),
        ("Basic realm=@, Bearer realm=b", [challenge("basic")]),
    ]

    @Test(arguments: fields)
    func `every challenge of a field is read`(_ field: String, _ expected: [Challenge]) {
        #expect(Challenge.parse(field) == expected)
    }

    @Test func `long fields and many challenges are bounded`() {
        #expect(Challenge.parse("Basic realm=" + String(repeating: "x", count: Challenge.lengthLimit)).isEmpty)
        #expect(Challenge.parse(String(repeating: "a,", count: 1000)).count == Challenge.countLimit)
        #expect(
            Challenge.parse("Bearer " + String(repeating: "a=b,", count: 2000)) == [
                Self.challenge("bearer", ["a": "b"])
            ])
    }

    @Test func `no field whatever crashes the parser`() {
        let alphabet = ["Bearer", "Basic", " ", ",", "=", "\"", "\\", "realm", "a", "==", "/", "realm=\"x\""]
        for field in hostileTexts(count: 6000, alphabet: alphabet, seed: 7) {
            for challenge in Challenge.parse(field) { #expect(challenge.scheme == challenge.scheme.lowercased()) }
        }
        var generator = SeededGenerator(seed: 8)
        for length in 0..<2000 {
            _ = Challenge.parse(String(decoding: randomBytes(count: length % 64, using: &generator), as: UTF8.self))
        }
    }
}
