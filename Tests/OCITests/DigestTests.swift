import HostileInput
import OCI
import Testing

struct DigestTests {
    static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test func `a sha256 and a sha512 digest are read and printed alike`() throws {
        for text in ["sha256:" + Self.empty, "sha512:" + Self.empty + Self.empty] {
            #expect(try Digest(text).description == text)
        }
    }

    static let malformed: [(String, DigestError)] = [
        ("", .missingAlgorithm),
        ("sha256", .missingAlgorithm),
        (empty, .missingAlgorithm),
        (":" + empty, .unsupportedAlgorithm),
        ("md5:d41d8cd98f00b204e9800998ecf8427e", .unsupportedAlgorithm),
        ("sha384:" + empty, .unsupportedAlgorithm),
        ("SHA256:" + empty, .unsupportedAlgorithm),
        (" sha256:" + empty, .unsupportedAlgorithm),
        ("sha256+b64u:" + empty, .unsupportedAlgorithm),
        ("sha256:", .wrongLength(expected: 64)),
        ("sha256:abc", .wrongLength(expected: 64)),
        ("sha256:" + empty + "0", .wrongLength(expected: 64)),
        ("sha256:" + empty + "\n", .wrongLength(expected: 64)),
        ("sha512:" + empty, .wrongLength(expected: 128)),
        ("sha256:" + empty.uppercased(), .notLowercaseHexadecimal),
        ("sha256:" + empty.dropLast() + "g", .notLowercaseHexadecimal),
        ("sha256:" + empty.dropLast() + "\0", .notLowercaseHexadecimal),
        ("sha256:../" + empty.dropLast(3), .notLowercaseHexadecimal),
        // A full-width digit has three bytes: the length fits, the bytes do not.
        ("sha256:" + empty.dropLast(3) + "１", .notLowercaseHexadecimal),
    ]

    @Test(arguments: malformed)
    func `a malformed digest is rejected with its reason`(_ text: String, _ reason: DigestError) {
        #expect(throws: reason) { try Digest(text) }
    }

    @Test(arguments: [
        (Digest.Algorithm.sha256, "", "sha256:" + empty),
        (.sha256, "abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            .sha512, "abc",
            "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ])
    func `the hash is that of FIPS 180-4`(_ algorithm: Digest.Algorithm, _ text: String, _ expected: String) {
        #expect(DigestHasher.digest(of: text.utf8, algorithm).description == expected)
    }

    @Test func `bytes in pieces hash as the whole, and a digest midway ends nothing`() {
        var hasher = DigestHasher(.sha512)
        Array("Weir holds ".utf8).withUnsafeBytes { hasher.update($0) }
        let midway = hasher.finalize()
        let copy = hasher
        Array("a river".utf8).withUnsafeBytes { hasher.update($0) }
        #expect(midway == DigestHasher.digest(of: "Weir holds ".utf8, .sha512))
        #expect(hasher.finalize() == DigestHasher.digest(of: "Weir holds a river".utf8, .sha512))
        #expect(copy.finalize() == midway)
    }

    @Test func `a sequence without contiguous storage hashes alike`() {
        let bytes = (0..<1000).lazy.map { UInt8($0 % 251) }
        #expect(DigestHasher.digest(of: bytes) == DigestHasher.digest(of: Array(bytes)))
    }

    @Test func `digests are ordered by algorithm, then by hexadecimal`() throws {
        let one = try Digest(algorithm: .sha256, hex: String(repeating: "1", count: 64))
        let two = try Digest(algorithm: .sha256, hex: String(repeating: "2", count: 64))
        let long = try Digest(algorithm: .sha512, hex: String(repeating: "0", count: 128))
        #expect([long, two, one].sorted() == [one, two, long])
    }

    @Test func `no text whatever crashes the parser, and what parses prints the same`() {
        let alphabet = ["sha256", "sha512", ":", Self.empty, "a", "f", "0", "G", String(repeating: "9", count: 64)]
        for text in hostileTexts(count: 4000, alphabet: alphabet, seed: 1) {
            if let digest = try? Digest(text) { #expect(digest.description == text) }
        }
    }
}
