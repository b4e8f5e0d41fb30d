import Crypto
import LibP2P
import Testing

#if canImport(Glibc)
    import Glibc
#endif

struct IdentityTests {
    static let ed25519 = "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
    static let ecdsa = """
        0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4b
        c901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62
        """

    @Test(arguments: [
        (ed25519, "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"),
        (ecdsa, "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk"),
    ])
    func `the keys of the specification have its peer IDs`(_ protobuf: String, _ text: String) throws {
        let key = try PublicKey(protobuf: hex(protobuf))
        #expect(key.protobuf == hex(protobuf))
        let peer = PeerID(key)
        #expect("\(peer)" == text)
        #expect(try PeerID(text) == peer)
        #expect(try PeerID(bytes: peer.bytes) == peer)
        let cid = [0x01, 0x72] + peer.bytes
        #expect(try PeerID("b" + BaseText.encodeBase32(cid)) == peer)
        #expect(try PeerID("z" + BaseText.base58.encode(cid)) == peer)
        #expect(try PeerID("k" + BaseText.base36.encode(cid)) == peer)
    }

    @Test(arguments: [
        "", "1", "12D3KooW", "Qm", "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgD", "b", "bafkreiabc", "k51", "z0",
        "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDkk", "x12D3KooW",
        "12D3KooW0tg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7",
    ])
    func `what is no peer ID is refused`(_ text: String) {
        #expect(throws: IdentityError.malformedPeerID) { try PeerID(text) }
    }

    @Test(
        arguments: [
            ("", IdentityError.malformedKey), ("0801", .malformedKey), ("08011203010203", .malformedKey),
            ("08001203010203", .unsupportedKey(kind: 0)), ("08021203010203", .unsupportedKey(kind: 2)),
            ("08031203010203", .malformedKey), ("ff", .malformedKey),
        ] as [(String, IdentityError)])
    func `what is no usable key is refused`(_ protobuf: String, _ error: IdentityError) {
        #expect(throws: error) { try PublicKey(protobuf: hex(protobuf)) }
    }

    /// Made with the Python package `cryptography`.
    @Test func `a signature of a P-256 key is verified`() throws {
        let key = try PublicKey(
            kind: .ecdsa,
            data: hex(
                """
                3059301306072a8648ce3d020106082a8648ce3d03010703420004f9ebe464147cc102d92324d099d927c1a50e42d57a08a116ffec
                0a29819d8c6570baf7d12888902a6a0c1d67add103123c859ab69bf8e9431c9384930d4b7eee
                """))
        let signature = hex(
            """
            3045022029c1ed0979b322eb5e914a58ddde01af2f504e1004ea61628fb4db1f18d5af16022100baaa9f8805b22f09e2de0414002bc146
            82d897f46ebe3f6816b87170a30aa90a
            """)
        #expect(key.isValid(signature: signature, of: Array("weir".utf8)))
        #expect(!key.isValid(signature: signature, of: Array("Weir".utf8)))
        #expect(!key.isValid(signature: [], of: Array("weir".utf8)))
    }

    @Test func `what our identity signs is verified by its public key`() throws {
        let identity = try Identity()
        let signature = try identity.sign([1, 2, 3])
        #expect(identity.publicKey.isValid(signature: signature, of: [1, 2, 3]))
        #expect(!identity.publicKey.isValid(signature: signature, of: [1, 2]))
    }

    @Test func `the identity file is made once, for its owner alone, and read from then on`() throws {
        let folder = try Self.makeFolder()
        defer { Self.remove(folder, files: ["private.key"]) }
        let path = "\(folder)/private.key"
        let first = try IdentityFile(path: path).loadOrCreate()
        let second = try IdentityFile(path: path).loadOrCreate()
        #expect(first.peerID == second.peerID)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(!IdentityFile(path: path).isOpenToOthers)
        chmod(path, 0o640)
        #expect(IdentityFile(path: path).isOpenToOthers)
        #expect(first.pem.hasPrefix("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI"))
    }

    @Test(arguments: ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
    func `a damaged identity file is an error, and stays as it is`(_ content: String) throws {
        let folder = try Self.makeFolder()
        defer { Self.remove(folder, files: ["private.key"]) }
        let path = "\(folder)/private.key"
        let file = try #require(fopen(path, "w"))
        fputs(content, file)
        fclose(file)
        #expect(throws: IdentityError.malformedFile(path: path)) { try IdentityFile(path: path).loadOrCreate() }
        var status = stat()
        stat(path, &status)
        #expect(Int(status.st_size) == content.utf8.count)
    }

    @Test func `a folder that is missing is an error with a reason`() {
        #expect(throws: IdentityError.self) { try IdentityFile(path: "/nonexistent/private.key").loadOrCreate() }
    }

    private static func makeFolder() throws -> String {
        var template = Array("/tmp/weir-identity-XXXXXX".utf8CString)
        let isMade = template.withUnsafeMutableBufferPointer { text in
            text.baseAddress.flatMap { mkdtemp($0) } != nil
        }
        try #require(isMade)
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func remove(_ folder: String, files: [String]) {
        for file in files { unlink("\(folder)/\(file)") }
        rmdir(folder)
    }
}
