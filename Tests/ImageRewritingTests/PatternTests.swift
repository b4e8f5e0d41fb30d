import Testing

@testable import ImageRewriting

@Suite struct PatternTests {
    /// What Go's `regexp` answers for each.
    @Test(
        arguments: [
            ("", "", true), ("", "x", true), ("a", "", false), ("a", "bab", true), ("^a", "ba", false),
            ("a$", "ab", false), ("^docker.io", "docker.io/library/nginx:latest", true),
            ("^docker.io", "dockerxio/x", true), (#"^docker\.io"#, "dockerxio/x", false),
            ("docker.io", "harbor.corp/docker.io/x", true),
            ("^docker.io/(library/)?ubuntu:.*$", "docker.io/library/ubuntu:22.04", true),
            ("^docker.io/(library/)?ubuntu:.*$", "docker.io/ubuntu:22.04", true),
            ("^docker.io/(library/)?ubuntu:.*$", "docker.io/library/ubuntu@sha256:ab", false),
            ("a|b", "xbx", true), ("^(a|b)$", "ab", false), ("^(?:a|b)+$", "abba", true), ("a|", "x", true),
            ("^a*$", "", true), ("^a+$", "", false), ("^a?b$", "b", true), ("^a{2}$", "aa", true),
            ("^a{2}$", "aaa", false), ("^a{2,}$", "aaaa", true), ("^a{1,2}$", "aaa", false), ("^a{0,2}$", "", true),
            ("a{,2}", "a{,2}", true), ("^a{$", "a{", true), ("^x{0}$", "", true), ("^(a*)*$", "aaa", true),
            ("^(a*)+$", "", true), ("^(a|b*)*c$", "abbc", true),
            ("[abc]", "xc", true), ("[^abc]", "abc", false), ("^[a-c]+$", "abcd", false), ("^[]a]$", "]", true),
            ("^[^]a]$", "b", true), ("^[a-]$", "-", true), ("^[-a]$", "-", true), (#"^[\d.]+$"#, "1.2", true),
            (#"^[\]\\]+$"#, #"]\"#, true), ("^[[:alpha:]]+$", "abC", true), ("^[[:^alpha:]]+$", "12", true),
            ("^[[:alpha:][:digit:]_]+$", "a_1", true), ("^[[]$", "[", true), ("^[[:]$", ":", true),
            (#"^\d+\.\d+$"#, "1.27", true), (#"^\D$"#, "1", false), (#"^\w+$"#, "a_1", true), (#"^\W$"#, "-", true),
            (#"^\s\S$"#, " x", true), (#"\bnginx\b"#, "library/nginx:1", true), (#"\bnginx\b"#, "mynginx", false),
            (#"x\B"#, "xy", true), (#"\Anginx\z"#, "nginx", true), (#"\x41\x{42}\103\n"#, "ABC\n", true),
            (#"\."#, "x", false), (#"^\Qa.b*\E+$"#, "a.b**", true), (#"\Qa.b"#, "a.b", true),
            ("(?i)DOCKER", "docker", true), ("(?i:DOCKER)IO", "dockerio", false), ("^(?i)a(?-i)b$", "AB", false),
            ("^(?i)[a-c]$", "B", true), ("^a.b$", "a\nb", false), ("(?s)^a.b$", "a\nb", true),
            ("^b$", "a\nb", false), ("(?m)^b$", "a\nb", true), ("(?P<x>a)(?<y>b)", "ab", true),
            ("^((a)|(b))+$", "ab", true),
            ("a.{3}b", "a123b", true), ("é", "é", true), ("^.$", "é", true), ("^[à-ü]$", "é", true), ("()", "", true),
        ] as [(String, String, Bool)])
    func `patterns match as RE2 does`(_ pattern: String, _ text: String, _ isMatch: Bool) throws {
        let compiled = try Pattern(pattern)
        #expect(compiled.matches(PatternInput(text)) == isMatch)
        #expect((compiled.firstMatch(in: PatternInput(text)) != nil) == isMatch)
    }

    @Test(
        arguments: [
            ("(a+)(b*)", "xaabby", ["aabb", "aa", "bb"]), ("(a|ab)(c|bcd)(d*)", "abcd", ["abcd", "a", "bcd", ""]),
            ("(a*?)(a*)", "aaa", ["aaa", "", "aaa"]), ("(?U)(a*)(a*)$", "aaa", ["aaa", "", "aaa"]),
            ("(?U)(a*?)$", "aaa", ["aaa", "aaa"]),
            ("(a)|(b)", "b", ["b", nil, "b"]), ("b*", "abb", [""]), ("b+|a", "xabb", ["a"]),
            ("^library/(.+)$", "library/nginx", ["library/nginx", "nginx"]), ("(?:a(b))+", "abab", ["abab", "b"]),
            ("a{1,3}?", "aaa", ["a"]), ("x(a??)", "xa", ["x", ""]), ("(é)", "né", ["é", "é"]),
        ] as [(String, String, [String?])])
    func `groups hold what RE2's hold`(_ pattern: String, _ text: String, _ groups: [String?]) throws {
        #expect(try Pattern(pattern).firstMatch(in: PatternInput(text)) == groups)
    }

    @Test(
        arguments: [
            "(", ")", "a)", "(a", "[", "[a", "[]", "[^]", "*", "+a", "?", "a|*", "(*)", "a**", "a+*", "a{2}{3}", "a???",
            "a{1001}", "a{2,1}", "[b-a]", #"\"#, #"[\"#, #"\1"#, #"\8"#, #"\y"#, #"\Z"#, #"\xg0"#, #"\x{110000}"#,
            "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(?#c)", "(?", "(?i", "(?P<>a)", "(?P<a b>c)",
            "(?P<n>a)(?P<n>b)", "(?-)", "(?i-)", "[[:nonsense:]]", #"\p{Greek}"#, "((a{100}){100}){100}",
            String(repeating: "(", count: 200) + String(repeating: ")", count: 200),
            String(repeating: "a", count: 5000), "(a{1000}){1000}",
        ])
    func `what RE2 refuses, or grows too large, is refused`(_ pattern: String) {
        #expect(throws: PatternError.self) { try Pattern(pattern) }
    }

    /// Each takes a back-tracking engine longer than the universe has been.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: ["^(a+)+$", "^(a|a)*$", "^(a*)*b$", "^(a|aa)+$", "(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$"])
    func `no pattern takes exponential time`(_ pattern: String) throws {
        let compiled = try Pattern(pattern)
        let input = PatternInput(String(repeating: "a", count: 1000) + "!")
        #expect(!compiled.matches(input))
        #expect(compiled.firstMatch(in: input) == nil)
    }

    @Test(
        arguments: [
            ("library/*", "library/nginx", ["library/nginx", "nginx"]), ("*/x/*", "a/b/x/c", ["a/b/x/c", "a/b", "c"]),
            ("a.b", "a.b", ["a.b"]), ("a.b", "axb", nil), ("*", "", ["", ""]), ("team", "team/x", nil),
        ] as [(String, String, [String?]?)])
    func `a glob matches the whole, and its stars are groups`(
        _ glob: String, _ text: String, _ groups: [String?]?
    ) throws {
        #expect(try Pattern(glob: glob).firstMatch(in: PatternInput(text)) == groups)
    }
}
