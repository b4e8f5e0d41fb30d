import Foundation
import Testing

@testable import Commands

@Suite struct SchemaTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func `the committed schema is the one that weir prints`() throws {
        let committed = try String(contentsOf: Self.root.appending(path: "docs/weir.schema.json"), encoding: .utf8)
        #expect(committed == ConfigurationSchema.text, "write it anew: weir config schema > docs/weir.schema.json")
    }

    @Test func `the documented keys are those that are read`() throws {
        let document = try String(contentsOf: Self.root.appending(path: "docs/configuration.md"), encoding: .utf8)
        #expect(
            document.contains(ConfigurationReference.markdown), "replace the table: weir config keys --markdown")
    }

    @Test func `the schema is JSON, and every key in it has a meaning`() throws {
        let schema = try JSONSerialization.jsonObject(with: Data(ConfigurationSchema.text.utf8)) as? [String: Any]
        let root = try #require(schema)
        func check(_ schema: [String: Any], path: String) {
            for (name, value) in schema["properties"] as? [String: [String: Any]] ?? [:] {
                #expect(value["description"] as? String != nil, "\(path).\(name)")
                check(value, path: "\(path).\(name)")
            }
        }
        check(root, path: "")
        #expect((root["properties"] as? [String: Any])?.count == Settings.keys.count)
    }

    @Test func `the defaults that are documented are those in effect`() throws {
        let shown = try ConfigurationLoader(
            environment: [:], workingDirectory: "/", fallbackFile: "/nonexistent"
        ).load().shown()
        var compared = 0
        func check(_ outlines: [SettingOutline], _ value: JSONValue, path: String) {
            guard case .object(let members) = value else { return }
            for outline in outlines {
                let own = members.first { $0.name == outline.name }?.value
                let name = "\(path).\(outline.name)"
                if let nested = outline.members {
                    if let own { check(nested, own, path: name) }
                    continue
                }
                // Defaults that depend on the machine are described in words.
                if [".storage.directory", ".control.socket", ".defaultRule", ".proxy.exceptions"].contains(name) {
                    continue
                }
                guard let standard = outline.standard, let own else { continue }
                #expect(own == standard, "\(name)")
                compared += 1
            }
        }
        check(Settings.keys.map(\.outline), shown, path: "")
        #expect(compared > 30)
    }

    @Test func `a rule's documented defaults are those in effect`() throws {
        let shown = try Folder().load("rules: { a: { registry: x.io } }").shown()
        guard case .object(let members) = shown,
            case .object(let rules)? = members.first(where: { $0.name == "rules" })?.value,
            case .object(let rule)? = rules.first?.value
        else {
            Issue.record("no rule is shown")
            return
        }
        for outline in RuleSettings.keys.map(\.outline) where outline.members == nil && outline.name != "host" {
            guard let standard = outline.standard else { continue }
            #expect(rule.first { $0.name == outline.name }?.value == standard, "\(outline.name)")
        }
    }
}
