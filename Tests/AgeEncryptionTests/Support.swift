import AgeEncryption
import Foundation

enum Fixture {
    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        return Array(try Data(contentsOf: folder.appending(path: name)))
    }

    static func keys(_ name: String = "key.txt") throws -> [AgeKey] {
        try AgeKey.keys(in: String(decoding: try bytes(name), as: UTF8.self))
    }

    /// What make-fixtures.py encrypts.
    static func content(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 * 7 % 251) } }
}
