import Foundation
import HostileInput
import JSON
import Testing

@Suite struct JSONDocumentTests {
    private func document(_ text: String, limits: JSONDocument.Limits = .init()) throws -> JSONDocument {
        try JSONDocument(Array(text.utf8), limits: limits)
    }

    @Test func `values are found by name and position`() throws {
        let root = try document(
            #" {"a": {"b": [1, "x", true, null, {"c": "\u00e9\n\"\\\/\ud83d\ude00"}]}, "n": null, "a~/b": -0.5e+3} "#
        ).root
        let items = try #require(root["a"]?["b"]).items
        #expect(items.count == 5)
        #expect(items[0].integer == 1)
        #expect(items[1].string == "x")
        #expect(items[2].bool == true)
        #expect(items[3].isNull)
        #expect(items[4]["c"]?.string == "é\n\"\\/😀")
        #expect(root["n"] == nil)
        #expect(root["missing"] == nil)
        #expect(root["a"]?["b"]?["c"] == nil)
        #expect(root[member: "a~/b"].map { String(decoding: $0.bytes, as: UTF8.self) } == "-0.5e+3")
        #expect(root["a"]?.string == nil && root["a"]?.integer == nil && root["a"]?.bool == nil)
        #expect(root.members.map(\.name) == ["a", "n", "a~/b"])
    }

    @Test func `the last of several members counts, and escaped names are names`() throws {
        let root = try document(#"{"k": 1, "\u006b": 2, "m": {"k": 9}}"#).root
        #expect(root["k"]?.integer == 2)
        #expect(try document(#"{"k": 1, "k": null}"#).root["k"] == nil)
    }

    @Test func `half of a pair is replaced, as in Go`() throws {
        #expect(
            try document(#"["\ud800x", "\udc00", "\ud800\ud800\udc00"]"#).root.items.map(\.string) == [
                "\u{FFFD}x", "\u{FFFD}", "\u{FFFD}\u{10000}",
            ])
    }

    @Test(arguments: [
        "", " ", "{", "}", "[", "]", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "nul",
        "nullx", "tru", "01", "+1", "1.", ".5", "1e", "-", "--1", "NaN", "Infinity", "\"", "\"\\\"", "\"\\x\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "1 2", "[1 2]", "{\"a\":1 \"b\":2}", "[}", "{]", "'a'", "// c\n1",
        "\u{FEFF}1", "[1]]", "\"\t\"", "{\"a\":1}}",
    ])
    func `what is no JSON is refused`(_ text: String) {
        #expect(throws: JSONError.self) { try document(text) }
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(throws: JSONError.notUTF8) { try JSONDocument([0x22, 0xFF, 0x22]) }
        #expect(throws: JSONError.notUTF8) { try JSONDocument([0x22, 0xED, 0xA0, 0x80, 0x22]) }
    }

    @Test func `limits hold to the value`() throws {
        let limits = JSONDocument.Limits(bytes: 20, depth: 2, values: 4)
        #expect(throws: Never.self) { try document("[[1,2]]", limits: limits) }
        #expect(throws: JSONError.tooManyValues(limit: 4)) { try document("[[1,2,3]]", limits: limits) }
        #expect(throws: JSONError.tooDeep(limit: 2)) { try document("[[[1]]]", limits: limits) }
        #expect(throws: JSONError.tooLarge(limitBytes: 20)) {
            try document("[" + String(repeating: " ", count: 20), limits: limits)
        }
    }

    /// Foundation's reader is another's; where it reads a text, this one reads the same out of it.
    @Test func `texts near the grammar are read as by another reader`() throws {
        let alphabet = [
            "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "1", "-0", "1.5", "true", "false", "null", "\\n",
            "\\u00e9", " ",
        ]
        for text in hostileTexts(count: 20_000, alphabet: alphabet, seed: 11) {
            guard let mine = try? document(text) else { continue }
            let other = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            #expect(other != nil, "\(text.debugDescription)")
            #expect(plain(mine.root).map { NSArray(array: [$0]) } == other.map { NSArray(array: [$0]) }, "\(text)")
        }
    }

    private func plain(_ node: JSONNode) -> Any? {
        if node.isObject {
            return Dictionary(node.members.map { ($0.name, plain($0.value) ?? NSNull()) }, uniquingKeysWith: { $1 })
        }
        if node.isArray { return node.items.map { plain($0) ?? NSNull() } }
        if let text = node.string { return text }
        if let flag = node.bool { return flag }
        if node.isNull { return NSNull() }
        return Double(String(decoding: node.bytes, as: UTF8.self))
    }

    @Test func `what is written is read as it was meant`() throws {
        let texts = ["", "a\"b\\c", "\u{0}\u{1F}\u{7F}\n\r\t", "é😀", "/"]
        var writer = JSONWriter()
        writer.object { object in
            object.name("texts")
            object.array { array in
                for text in texts { array.string(text) }
                array.bool(false)
                array.integer(-7)
                array.object { _ in }
            }
            object.name("last")
            object.bool(true)
        }
        let read = try #require(try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: Any])
        let list = try #require(read["texts"] as? [Any])
        #expect(list.prefix(texts.count).compactMap { $0 as? String } == texts)
        #expect(list.count == texts.count + 3)
        #expect(read["last"] as? Bool == true)
    }

    @Test(arguments: 0..<70) func `base64 there and back`(_ count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        let bytes = randomBytes(count: count, using: &generator)
        let text = Base64.encoded(bytes)
        #expect(text == Data(bytes).base64EncodedString())
        #expect(Base64.decoded(text.utf8) == bytes)
        #expect(Base64.decoded(text.filter { $0 != "=" }.utf8) == bytes)
    }

    @Test(arguments: ["a", "a===b", "!!!!", "Zg==Zg==", "Z g"])
    func `what is no base64 is nothing`(_ text: String) { #expect(Base64.decoded(text.utf8) == nil) }
}
