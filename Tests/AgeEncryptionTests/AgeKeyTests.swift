import AgeEncryption
import Foundation
import HostileInput
import Testing

@Suite struct AgeKeyTests {
    private func key() throws -> String {
        let lines = String(decoding: try Fixture.bytes("key.txt"), as: UTF8.self).split(separator: "\n")
        return String(try #require(lines.last))
    }

    @Test func `a key file of age-keygen is read, whatever its lines end with`() throws {
        let key = try key()
        #expect(try Fixture.keys().count == 1)
        #expect(try AgeKey.keys(in: "# x\r\n\r\n  \(key)  # mine\r\n\(key.lowercased())\n").count == 2)
    }

    @Test(arguments: [
        ("AGE-PLUGIN-YUBIKEY-1QQQQ", AgeError.unsupportedKey(kind: "keys of age plugins")),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nhush", .unsupportedKey(kind: "SSH keys")),
        ("ssh-ed25519 AAAA", .unsupportedKey(kind: "SSH keys")),
        ("AGE-SECRET-KEY-PQ-1QQ", .unsupportedKey(kind: "post-quantum age keys")),
        ("age1qqq", .unsupportedKey(kind: "public keys (recipients) in place of secret ones")),
        ("hush", .malformedKey), ("AGE-SECRET-KEY-1", .malformedKey), ("# nothing\n\n", .noKey), ("", .noKey),
    ])
    func `what is no age key is told, without its text`(_ text: String, _ error: AgeError) {
        #expect(throws: error) { try AgeKey.keys(in: text) }
        #expect(!error.description.contains("hush"))
    }

    @Test func `a key with any letter wrong is refused`() throws {
        let key = Array(try key().utf8)
        for position in key.indices {
            var altered = key
            altered[position] = altered[position] == UInt8(ascii: "Q") ? UInt8(ascii: "P") : UInt8(ascii: "Q")
            #expect(throws: AgeError.self) { try AgeKey(String(decoding: altered, as: UTF8.self)) }
        }
        #expect(throws: AgeError.malformedKey) { try AgeKey(String(decoding: key, as: UTF8.self).capitalized) }
    }

    @Test func `a key prints nothing of itself`() throws {
        let key = try AgeKey(key())
        var dumped = ""
        dump([key, .passphrase("hush")], to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped] {
            #expect(!text.contains("SECRET") && !text.contains("hush"))
        }
    }

    @Test func `hostile key files are refused or read`() {
        let alphabet = ["AGE-SECRET-KEY-1", "QQQQ", "\n", "#", " ", "age1", "1", "q", "AGE-PLUGIN-"]
        for text in hostileTexts(count: 5000, alphabet: alphabet, seed: 9) { _ = try? AgeKey.keys(in: text) }
    }
}
