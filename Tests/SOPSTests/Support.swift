import AgeEncryption
import Foundation
import SOPS
import Yams

/// Files in the format of SOPS; see make-fixtures.py.
enum Fixture {
    static func text(_ name: String) throws -> String {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        return try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    static func keys(_ name: String = "key.txt") throws -> [AgeKey] { try AgeKey.keys(in: try text(name)) }

    /// Nil where `text` is not encrypted by SOPS.
    static func document(_ text: String, isJSON: Bool = false) throws -> SOPSDocument? {
        try Yams.Parser(yaml: text, encoding: .utf8).singleRoot().flatMap { SOPSDocument($0, isJSON: isJSON) }
    }

    /// The plain tree of `text`, or of the fixture `name`.
    static func decrypt(_ name: String, altered text: String? = nil, keys: [AgeKey]? = nil) throws -> Node? {
        let isJSON = name.hasSuffix(".json")
        return try document(try text ?? Fixture.text(name), isJSON: isJSON)?.decrypt(with: try keys ?? Fixture.keys())
    }
}
