import AgeEncryption
import Foundation
import HostileInput
import Testing

/// Against files that the real `age` wrote; see make-fixtures.py.
@Suite struct AgeFileTests {
    @Test(arguments: [0, 1, 65_536, 131_073])
    func `a file of age is decrypted`(_ count: Int) throws {
        let file = try Fixture.bytes("x25519-\(count).age")
        #expect(AgeFile.isEncrypted(file))
        #expect(try AgeFile.decrypt(file, keys: Fixture.keys()) == Fixture.content(count))
    }

    @Test func `an armored file is decrypted, with white space around it`() throws {
        let file = try Fixture.bytes("armored.age")
        #expect(AgeFile.isEncrypted(file))
        #expect(try AgeFile.decrypt(file, keys: Fixture.keys()) == Fixture.content(1000))
        #expect(try AgeFile.decrypt(Array("\n \n".utf8) + file + [10, 10], keys: Fixture.keys()).count == 1000)
        let windows = String(decoding: file, as: UTF8.self).replacingOccurrences(of: "\n", with: "\r\n")
        #expect(try AgeFile.decrypt(Array(windows.utf8), keys: Fixture.keys()).count == 1000)
    }

    @Test func `each recipient of several decrypts, with whatever keys beside its own`() throws {
        let file = try Fixture.bytes("two-recipients.age")
        for keys in [
            try Fixture.keys(), try Fixture.keys("other-key.txt"),
            [.passphrase("x")] + (try Fixture.keys("other-key.txt")) + (try Fixture.keys()),
        ] { #expect(try AgeFile.decrypt(file, keys: keys) == Fixture.content(100)) }
    }

    @Test func `a passphrase decrypts what it encrypted`() throws {
        let file = try Fixture.bytes("passphrase-10.age")
        #expect(try AgeFile.decrypt(file, keys: [.passphrase("correct horse")]) == Fixture.content(100))
        #expect(throws: AgeError.wrongPassphrase) { try AgeFile.decrypt(file, keys: [.passphrase("battery")]) }
        #expect(throws: AgeError.needsPassphrase) { try AgeFile.decrypt(file, keys: Fixture.keys()) }
    }

    @Test func `a file that age itself encrypted with a passphrase is decrypted`() throws {
        let file = try Fixture.bytes("passphrase-age.age")
        #expect(try AgeFile.decrypt(file, keys: [.passphrase("correct horse")]) == Fixture.content(100))
    }

    @Test func `work beyond the limit is refused before it is done`() throws {
        let file = try Fixture.bytes("passphrase-19.age")
        #expect(throws: AgeError.workFactorTooHigh(19, limit: 18)) {
            try AgeFile.decrypt(file, keys: [.passphrase("correct horse")])
        }
    }

    @Test func `another's file, and one for SSH keys, are told apart`() throws {
        let cases: [(String, AgeError)] = [
            ("other.age", .noMatchingKey), ("ssh-ed25519.age", .unsupportedRecipient(kind: "SSH keys")),
            ("ssh-rsa.age", .unsupportedRecipient(kind: "SSH keys")),
        ]
        for (name, error) in cases {
            #expect(throws: error) { try AgeFile.decrypt(Fixture.bytes(name), keys: Fixture.keys()) }
        }
    }

    @Test func `no byte can be altered`() throws {
        let file = try Fixture.bytes("x25519-1.age"), keys = try Fixture.keys()
        for position in file.indices {
            for bit in [UInt8(1), 0x20, 0x80] {
                var altered = file
                altered[position] ^= bit
                #expect(throws: AgeError.self, "byte \(position)") { try AgeFile.decrypt(altered, keys: keys) }
            }
        }
    }

    @Test func `no armored byte can be altered`() throws {
        let file = try Fixture.bytes("armored.age"), keys = try Fixture.keys()
        for position in file.indices.dropLast() {
            var altered = file
            altered[position] ^= 1
            #expect(throws: AgeError.self, "byte \(position)") { try AgeFile.decrypt(altered, keys: keys) }
        }
    }

    @Test func `nothing can be cut off or added, at the end of a chunk either`() throws {
        let small = try Fixture.bytes("x25519-1.age"), keys = try Fixture.keys()
        for length in 0..<small.count {
            #expect(throws: AgeError.self, "\(length)") { try AgeFile.decrypt(Array(small[..<length]), keys: keys) }
        }
        #expect(throws: AgeError.payloadAltered) { try AgeFile.decrypt(small + [0], keys: keys) }
        let large = try Fixture.bytes("x25519-131073.age")
        for cut in [17, 17 + 65_552, 1] {
            #expect(throws: AgeError.payloadAltered) { try AgeFile.decrypt(Array(large.dropLast(cut)), keys: keys) }
        }
        let whole = try Fixture.bytes("x25519-65536.age")
        // A last chunk of nothing after a full one.
        #expect(throws: AgeError.payloadAltered) {
            try AgeFile.decrypt(whole + [UInt8](repeating: 0, count: 16), keys: keys)
        }
    }

    @Test func `contents and headers beyond their limits are refused`() throws {
        let file = try Fixture.bytes("x25519-65536.age"), keys = try Fixture.keys()
        #expect(throws: AgeError.payloadTooLarge(limitBytes: 65_535)) {
            try AgeFile.decrypt(file, keys: keys, limits: AgeLimits(payloadBytes: 65_535))
        }
        #expect(try AgeFile.decrypt(file, keys: keys, limits: AgeLimits(payloadBytes: 65_536)).count == 65_536)
        let many = "age-encryption.org/v1\n" + String(repeating: "-> x\n\n", count: 100_000) + "--- x\n"
        #expect(throws: AgeError.headerTooLarge) { try AgeFile.decrypt(Array(many.utf8), keys: keys) }
        let long = "age-encryption.org/v1\n-> x \(String(repeating: "a", count: 100_000))\n"
        #expect(throws: AgeError.headerTooLarge) { try AgeFile.decrypt(Array(long.utf8), keys: keys) }
    }

    @Test(arguments: [
        "", "age-encryption.org/v1", "age-encryption.org/v2\n", "age-encryption.org/v1\n", "age-encryption.org/v1\n---",
        "age-encryption.org/v1\n--- \n", "age-encryption.org/v1\n-> \n\n--- \n",
        "age-encryption.org/v1\n-> X25519\n\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "age-encryption.org/v1\n-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
            + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "-----BEGIN AGE ENCRYPTED FILE-----", "-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----",
        "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----",
    ])
    func `what is no age file is refused`(_ text: String) throws {
        #expect(throws: AgeError.self) { try AgeFile.decrypt(Array(text.utf8), keys: Fixture.keys()) }
    }

    @Test func `hostile files are refused`() throws {
        let alphabet = [
            "age-encryption.org/v1\n", "-> X25519 ", "-> scrypt ", "---", " ", "\n", "AAAAAAAAAAAAAAAAAAAAAA", "18",
            "0",
            "-----BEGIN AGE ENCRYPTED FILE-----\n", "-----END AGE ENCRYPTED FILE-----", "=", "-> ssh-rsa x\n",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ]
        // No passphrase: each one would be worked on as long as the file wants.
        let keys = try Fixture.keys()
        for text in hostileTexts(count: 5000, alphabet: alphabet, seed: 7) {
            let file = Array((text.hasPrefix("age") ? text : "age-encryption.org/v1\n\(text)").utf8)
            #expect(throws: AgeError.self) { try AgeFile.decrypt(file, keys: keys) }
        }
    }
}
