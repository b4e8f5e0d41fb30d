import AgeEncryption
import Foundation
import HostileInput
import Testing
import Yams

@testable import SOPS

@Suite struct SOPSDocumentTests {
    @Test(arguments: ["accounts.yaml", "accounts.json", "two-recipients.yaml"])
    func `accounts are decrypted, each value where it stood`(_ name: String) throws {
        let root = try #require(try Fixture.decrypt(name))
        #expect(root["dockerhub"]?["accessToken"]?.string == "hush-hub")
        #expect(root["ghcr"]?["registry"]?.string == "ghcr.io")
        #expect(root["sops"] == nil)
        #expect(root["dockerhub"]?["accessToken"]?.mark?.line == (name.hasSuffix("json") ? 5 : 4))
        let token = try #require(root["ghcr"]?["accessToken"]?.scalar)
        #expect(SOPSDocument.isDecrypted(token))
    }

    @Test(arguments: ["types.yaml", "types.json", "default-rule.yaml"])
    func `every kind of value is decrypted`(_ name: String) throws {
        let root = try #require(try Fixture.decrypt(name))
        let texts = [
            "text": "grüße 🐳", "empty": "", "number": "42", "negative": "-7", "share": "0.25", "truth": "true",
            "lie": "false", "lines": "a\nb\n",
        ]
        for (key, text) in texts { #expect(root[key]?.string == text, "\(key)") }
        #expect(root["deep"]?["er"]?["est"]?.string == "down")
        #expect(root["list"]?.sequence?.map(\.string) == ["one", "two", "3"])
        #expect(root["kept_unencrypted"]?["word"]?.string == "plain")
        let kept = try #require(root["kept_unencrypted"]?["word"]?.scalar)
        #expect(!SOPSDocument.isDecrypted(kept))
    }

    @Test(arguments: [
        "encrypted-suffix.yaml", "encrypted-regex.yaml", "unencrypted-regex.yaml", "mac-only-encrypted.yaml",
    ])
    func `the file's rule says what is encrypted`(_ name: String) throws {
        let root = try #require(try Fixture.decrypt(name))
        #expect(root["name"]?.string == "open")
        #expect(root["port"]?.string == "5000")
        #expect(root["token_secret"]?.string == "hush")
        #expect(root["inner"]?["password"]?.string == "hush2")
    }

    @Test(arguments: [
        ("other.yaml", SOPSError.Reason.dataKey(.noMatchingKey)), ("pgp.yaml", .unsupportedKeys(["PGP"])),
        ("kms.yaml", .unsupportedKeys(["AWS KMS"])), ("groups.yaml", .splitKey), ("comment-rule.yaml", .commentRules),
    ])
    func `what cannot be decrypted is told apart`(_ name: String, _ reason: SOPSError.Reason) throws {
        let error = #expect(throws: SOPSError.self) { try Fixture.decrypt(name) }
        #expect(error?.reason == reason)
    }

    @Test func `without any key the error says where keys are looked for`() {
        let error = #expect(throws: SOPSError.self) { try Fixture.decrypt("accounts.yaml", keys: []) }
        #expect(error?.description.contains("SOPS_AGE_KEY_FILE") == true)
    }

    @Test func `values that change places are refused, with the line`() throws {
        var lines = try Fixture.text("accounts.yaml").components(separatedBy: "\n")
        let one = lines[3].components(separatedBy: ": ")[1], other = lines[7].components(separatedBy: ": ")[1]
        (lines[3], lines[7]) = ("    accessToken: \(other)", "    accessToken: \(one)")
        let text = lines.joined(separator: "\n")
        let error = #expect(throws: SOPSError.self) { try Fixture.decrypt("accounts.yaml", altered: text) }
        #expect(error?.reason == .valueAltered)
        #expect(error?.line == 4)
    }

    /// What is taken out of a file, what is put in its place, and how the rest fails.
    @Test(arguments: [
        ("types.yaml", "    number: 1200", "    number: 1201", SOPSError.Reason.macMismatch),
        ("types.yaml", #"    word: "plain""#, #"    word: "other""#, .macMismatch),
        ("types.yaml", "    flag: true", "    flag: false", .macMismatch),
        ("types.yaml", "    flag: true\n", "", .macMismatch),
        ("types.yaml", "nothing: null", "nothing: \"\"\nmore: hush", .notEncrypted),
        ("types.yaml", "    number: 1200", "    number: 2025-01-01", .unencryptedDate),
        ("types.yaml", "    number: 1200", "    number: 99999999999999999999", .unsupportedNumber),
        ("types.yaml", "2025-03-01T12:00:00Z", "2025-03-01T12:00:01Z", .macAltered),
        ("types.yaml", "    mac: ENC", "    mac_: ENC", .malformedMetadata("mac")),
        ("types.yaml", "    mac: ENC[AES256_GCM", "    mac: ENC[AES128_GCM", .macAltered),
        ("types.yaml", "=,type:str]\n    pgp", "=,type:bytes]\n    pgp", .macAltered),
        (
            "types.yaml", "    pgp: []", "    pgp: []\n    encrypted_suffix: _x",
            .malformedMetadata("encrypted_regex")
        ),
        (
            "encrypted-regex.yaml", "    version:", "    unencrypted_regex: x\n    version:",
            .malformedMetadata("encrypted_regex")
        ),
        ("encrypted-regex.yaml", "port: 5000", "port: 5001", .macMismatch),
        ("mac-only-encrypted.yaml", "    mac_only_encrypted: true\n", "", .macMismatch),
        ("encrypted-regex.yaml", "    version:", "    mac_only_encrypted: true\n    version:", .macMismatch),
        ("encrypted-regex.yaml", "^(password$|token)", "^(", .malformedMetadata("encrypted_regex")),
    ])
    func `what was altered is refused`(
        _ name: String, _ old: String, _ new: String, _ reason: SOPSError.Reason
    ) throws {
        let text = try Fixture.text(name)
        #expect(text.contains(old))
        let altered = text.replacingOccurrences(of: old, with: new)
        let error = #expect(throws: SOPSError.self) { try Fixture.decrypt(name, altered: altered) }
        #expect(error?.reason == reason)
        #expect(error?.description.contains("hush") == false)
    }

    @Test(arguments: [".5", ".123", ".123456789"])
    func `parts of a second are none of what is authenticated`(_ fraction: String) throws {
        let text = try Fixture.text("types.yaml").replacingOccurrences(
            of: "2025-03-01T12:00:00Z", with: "2025-03-01T12:00:00\(fraction)Z")
        #expect(try Fixture.decrypt("types.yaml", altered: text)?["number"]?.string == "42")
    }

    @Test func `values beyond the limit are refused before the MAC is looked at`() throws {
        let many = { (count: Int) in
            "    more: [\(Array(repeating: "1", count: count).joined(separator: ","))]\nsops:"
        }
        for (count, reason) in [(1000, SOPSError.Reason.macMismatch), (50_000, .malformedValue)] {
            let text = try Fixture.text("types.yaml").replacingOccurrences(of: "sops:", with: many(count))
            let error = #expect(throws: SOPSError.self) { try Fixture.decrypt("types.yaml", altered: text) }
            #expect(error?.reason == reason)
        }
    }

    /// By its own design: such a MAC says nothing of what stands in clear.
    @Test func `with a MAC over encrypted values alone, the others may be changed`() throws {
        let text = try Fixture.text("mac-only-encrypted.yaml").replacingOccurrences(of: "port: 5000", with: "port: 1")
        #expect(try Fixture.decrypt("mac-only-encrypted.yaml", altered: text)?["port"]?.string == "1")
    }

    @Test func `an encrypted value left out, emptied or put in twice is refused`() throws {
        let text = try Fixture.text("types.yaml"), lines = text.components(separatedBy: "\n")
        let position = try #require(lines.firstIndex { $0.hasPrefix("text: ") })
        for replacement in [[], ["text: \"\""], [lines[position], "text2: \"\""]] as [[String]] {
            var altered = lines
            altered.replaceSubrange(position...position, with: replacement)
            let isSame = replacement.count == 2
            let result = Result { try Fixture.decrypt("types.yaml", altered: altered.joined(separator: "\n")) }
            // An empty text adds nothing to a MAC: SOPS takes it, and so do we.
            if isSame {
                #expect(throws: Never.self) { try result.get() }
            } else {
                #expect(throws: SOPSError.self) { try result.get() }
            }
        }
    }

    @Test func `comments are no part of the MAC`() throws {
        let text = try Fixture.text("types.yaml")
        let without = text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.drop { $0 == " " }.hasPrefix("#") }.joined(separator: "\n")
        #expect(without != text)
        #expect(try Fixture.decrypt("types.yaml", altered: without)?["number"]?.string == "42")
    }

    @Test(arguments: ["a: b", "sops: {}", "sops: { ageKeyFile: x }", "[sops]", "sops"])
    func `a file that SOPS did not write is none of its`(_ text: String) throws {
        #expect(try Fixture.document(text) == nil)
    }

    @Test func `hostile metadata and values are refused`() throws {
        let pieces = [
            "sops:\n", "  mac: ", "  age:\n", "  - enc: ", "ENC[AES256_GCM,data:", ",iv:", ",tag:", ",type:str]",
            "AAAA",
            "\n", "a: ", "  lastmodified: x\n", "  encrypted_regex: '('\n", "  pgp: []\n", "[", "]", "null", "- ",
        ]
        let keys = try Fixture.keys()
        for text in hostileTexts(count: 3000, alphabet: pieces, seed: 11) {
            guard let document = try? Fixture.document("sops:\n  mac: x\n" + text) else { continue }
            #expect(throws: SOPSError.self) { try document.decrypt(with: keys) }
        }
        for text in hostileTexts(count: 3000, alphabet: pieces, seed: 12) { _ = SOPSValue(text) }
    }
}
