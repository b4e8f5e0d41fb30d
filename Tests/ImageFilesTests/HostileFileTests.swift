import HostileInput
import ImageFiles
import Testing

@Suite struct HostileFileTests {
    private static let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: nginx}]}\n"

    private func error(_ text: String, name: String? = "x.yaml") -> ImageFileError? {
        do {
            _ = try rewritten(text, name: name)
            return nil
        } catch let error as ImageFileError {
            return error
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    @Test func `a file is bounded`() {
        let large = [UInt8](repeating: UInt8(ascii: "#"), count: ImageFile.sizeLimitBytes + 1)
        #expect(throws: ImageFileError.tooLarge(limitBytes: ImageFile.sizeLimitBytes)) {
            try ImageFile(large, fileName: "x.yaml")
        }
    }

    @Test func `what is no text is refused`() {
        #expect(throws: ImageFileError.notText) { try ImageFile([0x61, 0xFF], fileName: "x.yaml") }
        #expect(throws: ImageFileError.notText) { try ImageFile([0xC2], fileName: "Dockerfile") }
        #expect(
            error("a: \u{0}") == .malformed(line: 1, column: 1, reason: "no YAML: control characters are not allowed"))
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["x.yaml", "x.json"])
    func `deep nesting is refused`(_ name: String) {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for depth in [300, 900, 200_000] {
                let text =
                    String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
                switch error(text, name: name) {
                case .tooDeep, .malformed: break
                case let other: Issue.record("\(depth): \(String(describing: other))")
                }
            }
        }
    }

    /// A thousand million values of a thousand bytes.
    @Test(.timeLimit(.minutes(1)), arguments: ["image", "containers"])
    func `aliases of aliases are refused`(_ key: String) {
        var text = "apiVersion: v1\nkind: Pod\nx0: &a0 [{image: nginx}]\n"
        for level in 1...30 {
            let alias = "*a\(level - 1)"
            text += "x\(level): &a\(level) {\(key): [\(alias), \(alias), \(alias)], b: \(alias)}\n"
        }
        text += "spec: {containers: *a30}\n"
        #expect(error(text) == .tooComplex)
    }

    /// The parser itself would spell out keys in order to compare them.
    @Test(.timeLimit(.minutes(1)), arguments: ["? *a30\n: b\n", "*a30 : b\n", "[*a30, *a30]: b\n", "{x: *a30}: b\n"])
    func `aliases of aliases as keys are refused`(_ key: String) {
        var text = "x0: &a0 [x]\n"
        for level in 1...30 { text += "x\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(error(text + key) == .tooComplex)
    }

    @Test(
        arguments: [
            ("a: b\n\tc: d\n", .malformed(line: 2, column: 1, reason: "")),
            ("a: [}", .malformed(line: 1, column: 5, reason: "")),
            ("a: *nothing", .malformed(line: 1, column: 4, reason: "")),
            ("%", .malformed(line: 1, column: 1, reason: "")),
            ("a: 1\nb:\n  c: 1\n  c: 2\n", .duplicateKey(line: 3, key: "c")),
            ("image: {{ .Values.image }}:{{ .Values.tag }}\n", .template),
            ("{{- if x }}\nkind: Pod\n{{- end }}\n", .template),
        ] as [(String, ImageFileError)])
    func `what is no YAML is refused, with its place`(_ text: String, _ wanted: ImageFileError) {
        switch (error(text), wanted) {
        case (.malformed(let line, let column, _)?, .malformed(let wantedLine, let wantedColumn, _)):
            #expect(line == wantedLine && column >= wantedColumn - 1)
        case (let found, _): #expect(found == wanted)
        }
    }

    @Test(
        arguments: [
            "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a: 1}", "[01x]", "\"", "\"\\x\"", "\"\\u12\"", "nul",
            "{\"a\":1}}",
            "\"a\nb\"",
        ])
    func `what is no JSON is refused`(_ text: String) {
        guard case .malformed? = error(text, name: "x.json") else {
            Issue.record("accepted")
            return
        }
    }

    @Test func `duplicate keys are refused in JSON as well`() {
        #expect(error("{\"a\":1,\n\"\\u0061\":2}", name: "x.json") == .duplicateKey(line: 2, key: "a"))
    }

    @Test func `files without content are no error`() throws {
        for text in ["", "\n", "---\n---\n", "# x", "\u{FEFF}"] {
            for name in ["x.yaml", "Dockerfile", nil] { #expect(try rewritten(text, name: name) == text) }
        }
        #expect(try rewritten("\n", name: "x.json") == "\n")
    }

    @Test func `tabs are allowed where YAML allows them`() throws {
        let text = "apiVersion: v1\nkind:\tPod\nspec: {\tcontainers: [\t{ image:\tnginx\t}]}\t# x\n"
        #expect(try rewritten(text) == text.replacing("nginx", with: "w:5000/docker.io/library/nginx"))
    }

    @Test func `other line breaks of YAML are counted`() throws {
        let text = "# a\u{2028}# b\u{85}\(Self.pod)"
        #expect(try rewritten(text) == text.replacing("nginx", with: "w:5000/docker.io/library/nginx"))
    }

    /// Damaged at random, a file is read or refused, and what changes is what was meant.
    @Test(.timeLimit(.minutes(1))) func `no damage stops the program or slips through`() throws {
        let seeds: [(name: String?, bytes: [UInt8])] = OtherKindsTests.files.map { file in
            (file.name, Array(file.text.replacing(/«([^|]*)\|[^»]*»/) { $0.output.1 }.utf8))
        }
        var generator = SeededGenerator(seed: 5)
        for (name, bytes) in seeds + [("x.yaml", Array(Self.pod.utf8)), ("x.json", Array("{\"a\": [1, \"b\"]}".utf8))] {
            for _ in 0..<300 {
                var variant = bytes
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    let place = Int.random(in: 0..<variant.count, using: &generator)
                    let other = variant[Int.random(in: 0..<variant.count, using: &generator)]
                    switch Int.random(in: 0..<3, using: &generator) {
                    case 0: variant[place] = other
                    case 1: variant.remove(at: place)
                    default: variant.insert(other, at: place)
                    }
                }
                guard let file = try? ImageFile(variant, fileName: name) else { continue }
                guard let result = try? file.replacing({ mirrored($0.reference) }) else { continue }
                let again = try ImageFile(result, fileName: name)
                #expect(again.images.count == file.images.count)
            }
        }
    }
}
