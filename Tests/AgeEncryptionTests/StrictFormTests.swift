import Crypto
import Foundation
import Testing

@testable import AgeEncryption

/// There is one form for each content: another one, though it would mean the same, is refused for what it is, and
/// before any key is tried.
@Suite struct StrictFormTests {
    private func decrypt(_ file: [UInt8]) throws -> [UInt8] {
        try AgeFile.decrypt(file, keys: Fixture.keys() + [.passphrase("correct horse")])
    }

    /// A file whose header has `stanzas`, and a MAC that nobody made.
    private func file(_ stanzas: String) -> [UInt8] {
        Array("age-encryption.org/v1\n\(stanzas)--- \(String(repeating: "A", count: 43))\n".utf8)
    }

    private func replacing(_ text: String, by other: String, in fixture: String) throws -> [UInt8] {
        let data = Data(try Fixture.bytes(fixture))
        let range = try #require(data.firstRange(of: Data(text.utf8)))
        return Array(data[..<range.lowerBound] + Data(other.utf8) + data[range.upperBound...])
    }

    @Test func `a passphrase stands alone`() throws {
        for (old, new) in [("-> scrypt", "-> other\n\n-> scrypt"), ("\n--- ", "\n-> other\n\n--- ")] {
            let file = try replacing(old, by: new, in: "passphrase-10.age")
            #expect(throws: AgeError.malformedHeader) { try decrypt(file) }
        }
    }

    @Test(arguments: ["010", "+10", "0x0a", "1e1", "", "0", "-1", "1000"])
    func `a work factor is a decimal number in one form`(_ text: String) throws {
        let file = try replacing("IA 10\n", by: "IA \(text)\n", in: "passphrase-10.age")
        #expect(throws: AgeError.malformedHeader) { try decrypt(file) }
    }

    @Test func `the bits that base64 leaves over are zero`() throws {
        let original = try Fixture.bytes("x25519-1.age")
        let data = Data(original)
        let mac = try #require(data.firstRange(of: Data("\n--- ".utf8))).upperBound
        let last = mac + 42
        #expect(original[last + 1] == 10)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for letter in alphabet where letter != original[last] {
            var altered = original
            altered[last] = letter
            let value = try #require(alphabet.firstIndex(of: letter))
            let error: AgeError = value % 4 == 0 ? .headerAltered : .malformedHeader
            #expect(throws: error) { try decrypt(altered) }
        }
    }

    @Test func `a line of a body has 64 letters, and the last one fewer`() throws {
        let line = String(repeating: "A", count: 64)
        #expect(throws: AgeError.unsupportedRecipient(kind: "keys of age plugins")) {
            try decrypt(file("-> x\n\(line)\n\n"))
        }
        #expect(throws: AgeError.malformedHeader) { try decrypt(file("-> x\n\(line)AAAA\n\n")) }
    }

    @Test func `recipients beyond the limit are refused, whatever little room they take`() throws {
        let many = { (count: Int) in file(String(repeating: "-> x\n\n", count: count)) }
        #expect(throws: AgeError.unsupportedRecipient(kind: "keys of age plugins")) { try decrypt(many(256)) }
        #expect(throws: AgeError.headerTooLarge) { try decrypt(many(257)) }
    }

    @Test(arguments: [
        ("QQ8H00W3", true), ("QP6PM6NR", false), ("QSJK8HMZ", true), ("Q0C6UN3F", false),
    ])
    func `the bits that a key's letters leave over are zero`(_ end: String, _ isKey: Bool) throws {
        let text = "AGE-SECRET-KEY-1\(String(repeating: "Q", count: 50))\(end)"
        if isKey {
            _ = try AgeKey(text)
        } else {
            #expect(throws: AgeError.malformedKey) { try AgeKey(text) }
        }
    }

    // MARK: Chunks

    /// A payload of these chunks, each sealed as it should be.
    private func payload(_ chunks: [[UInt8]], key: SymmetricKey) throws -> [UInt8] {
        let salt = [UInt8](repeating: 7, count: 16)
        let own = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key, salt: salt, info: Array("payload".utf8), outputByteCount: 32)
        var bytes = salt
        for (number, chunk) in chunks.enumerated() {
            var nonce = [UInt8](repeating: 0, count: 12)
            nonce[10] = UInt8(number)
            nonce[11] = number == chunks.count - 1 ? 1 : 0
            let box = try ChaChaPoly.seal(chunk, using: own, nonce: ChaChaPoly.Nonce(data: nonce))
            bytes += Array(box.ciphertext + box.tag)
        }
        return bytes
    }

    @Test func `the last chunk is empty where all of the content is, and nowhere else`() throws {
        let key = SymmetricKey(data: [UInt8](repeating: 1, count: 16))
        let full = [UInt8](repeating: 2, count: 65_536)
        func opened(_ chunks: [[UInt8]]) throws -> Int {
            try AgePayload.decrypt(payload(chunks, key: key)[...], fileKey: key, limitBytes: 1 << 20).count
        }
        #expect(try opened([[]]) == 0)
        #expect(try opened([full]) == 65_536)
        #expect(try opened([full, [3]]) == 65_537)
        #expect(throws: AgeError.payloadAltered) { try opened([full, []]) }
        #expect(throws: AgeError.payloadAltered) { try opened([full, full, []]) }
    }
}
