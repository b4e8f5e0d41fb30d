import NIOHTTP1
import OCI
import PeerRouting
import Testing

@testable import PeerRegistry

/// Real servers and real connections; only who has what is known beforehand.
@Suite(.serialized, .timeLimit(.minutes(1))) struct PeerBlobTests {
    private let bytes = noise(2 << 20)

    @Test func `a blob that is here is served here, whole and in parts`() async throws {
        try await Cluster.with(1) { cluster async throws in
            let digest = cluster.nodes[0].content.put(bytes)
            let whole = try await cluster.blob(0, digest)
            #expect(whole.status == 200)
            #expect(isSame(whole.body, bytes))
            #expect(whole.headers.first(name: "Docker-Content-Digest") == "\(digest)")
            #expect(whole.headers.first(name: "OCI-Namespace") == "docker.io")
            #expect(whole.headers.first(name: "Accept-Ranges") == "bytes")
            for (range, expected) in [
                ("bytes=5-9", 5..<10), ("bytes=2000000-", 2_000_000..<bytes.count),
                ("bytes=-7", bytes.count - 7..<bytes.count),
            ] {
                let part = try await cluster.blob(0, digest, fields: [("Range", range)])
                #expect(part.status == 206)
                #expect(isSame(part.body, Array(bytes[expected])))
            }
            #expect(try await cluster.blob(0, digest, fields: [("Range", "bytes=99999999-")]).status == 416)
        }
    }

    @Test func `a blob that a peer has is served from the peer, and counts as not here for peers`() async throws {
        try await Cluster.with(2) { cluster async throws in
            let digest = cluster.nodes[1].share(bytes)
            let answer = try await cluster.blob(0, digest)
            #expect(answer.status == 200)
            #expect(isSame(answer.body, bytes))
            let mirrored = try await cluster.blob(0, digest, fields: [("X-Spegel-Mirrored", "true")])
            #expect(mirrored.status == 404)
            let head = try await cluster.get(0, "/v2/library/x/blobs/\(digest)?ns=docker.io", method: .HEAD)
            #expect(head.status == 200)
            #expect(head.headers.first(name: "Content-Length") == "\(bytes.count)")
        }
    }

    @Test(arguments: [(0, 10), (5, 2_000_000), (1_999_990, 2_097_152), (0, 1)])
    func `a part of a peer's blob is cut from the verified whole`(_ start: Int, _ end: Int) async throws {
        try await Cluster.with(2) { cluster async throws in
            let digest = cluster.nodes[1].share(bytes)
            let part = try await cluster.blob(0, digest, fields: [("Range", "bytes=\(start)-\(end - 1)")])
            #expect(part.status == 206)
            #expect(isSame(part.body, Array(bytes[start..<end])))
            #expect(part.headers.first(name: "Content-Range") == "bytes \(start)-\(end - 1)/\(bytes.count)")
        }
    }

    @Test func `a transfer that breaks off goes on from another peer`() async throws {
        try await Cluster.with(3) { cluster async throws in
            let digest = DigestHasher.digest(of: bytes)
            cluster.nodes[1].lie(.init(bytes: bytes, breaksAt: 1 << 20), as: digest)
            let first = Task { try await cluster.blob(0, digest) }
            // The second becomes known when the first has had its turn, as well as before.
            _ = cluster.nodes[2].share(bytes)
            let answer = try await first.value
            #expect(answer.isWhole)
            #expect(isSame(answer.body, bytes))
        }
    }

    @Test func `a transfer that stalls goes on from another peer`() async throws {
        try await Cluster.with(3, configure: { $0.stallTimeout = .milliseconds(500) }) { cluster async throws in
            let digest = DigestHasher.digest(of: bytes)
            cluster.nodes[1].lie(.init(bytes: bytes, stallsAt: 1 << 20), as: digest)
            _ = cluster.nodes[2].share(bytes)
            // Whichever was asked first: one of these two requests meets the peer that stalls.
            for _ in 0..<2 {
                let answer = try await cluster.blob(0, digest)
                #expect(answer.isWhole)
                #expect(isSame(answer.body, bytes))
            }
        }
    }

    /// Twenty seconds are what one peer may take for an answer here; nobody waits for them.
    @Test func `while a peer says nothing another one is asked`() async throws {
        let patient = { (configuration: inout PeerRegistryConfiguration) in
            configuration.answerTimeout = .seconds(20)
            configuration.stallTimeout = .seconds(20)
        }
        try await Cluster.with(3, configure: patient) { cluster async throws in
            let digest = DigestHasher.digest(of: bytes)
            cluster.nodes[1].lie(.init(bytes: bytes, stallsAt: 0), as: digest)
            _ = cluster.nodes[2].share(bytes)
            for _ in 0..<4 {
                let start = ContinuousClock.now
                #expect(try await isSame(cluster.blob(0, digest).body, bytes))
                #expect(ContinuousClock.now - start < .seconds(10))
            }
        }
    }

    @Test func `a peer that says nothing is left for the central cache after its time`() async throws {
        try await Cluster.with(1) { central async throws in
            let digest = central.nodes[0].content.put(bytes)
            let origin = central.nodes[0].origin
            let configure = { (configuration: inout PeerRegistryConfiguration) in
                configuration.central = origin
                configuration.answerTimeout = .milliseconds(200)
            }
            try await Cluster.with(2, configure: configure) { cluster async throws in
                cluster.nodes[1].lie(.init(bytes: bytes, stallsAt: 0), as: digest)
                #expect(try await isSame(cluster.blob(0, digest).body, bytes))
                #expect(cluster.nodes[0].registry.peersSetAside.map(\.reason) == ["failed"])
            }
        }
    }

    @Test func `the central cache is asked first where that is configured`() async throws {
        try await Cluster.with(1) { central async throws in
            let digest = central.nodes[0].content.put(bytes)
            let origin = central.nodes[0].origin
            let configure = { (configuration: inout PeerRegistryConfiguration) in
                configuration.central = origin
                configuration.order = [.central, .peers]
            }
            try await Cluster.with(2, configure: configure) { cluster async throws in
                // Asked first, this one would have broken the transfer.
                cluster.nodes[1].lie(.init(bytes: noise(bytes.count, seed: 9)), as: digest)
                #expect(try await isSame(cluster.blob(0, digest).body, bytes))
                #expect(cluster.nodes[0].registry.peersSetAside == [])
                let other = cluster.nodes[1].share(noise(1 << 20, seed: 3))
                #expect(try await cluster.blob(0, other).isWhole, "what the central cache lacks comes from peers")
            }
        }
    }

    /// A few bytes now and then are no stall, and would keep the client for hours.
    @Test func `a peer that hardly sends anything is left for another, and kept where there is none`() async throws {
        let short = Array(bytes.prefix(20_000))
        let quick = { (configuration: inout PeerRegistryConfiguration) in
            configuration.slowWindow = .milliseconds(100)
        }
        try await Cluster.with(3, configure: quick) { cluster async throws in
            let large = DigestHasher.digest(of: bytes)
            cluster.nodes[1].lie(.init(bytes: bytes, dripsAt: 1 << 20), as: large)
            _ = cluster.nodes[2].share(bytes)
            // Whichever was asked first: one of these two requests meets the peer that drips.
            for _ in 0..<2 {
                let answer = try await cluster.blob(0, large)
                #expect(answer.isWhole)
                #expect(isSame(answer.body, bytes))
            }
        }
        try await Cluster.with(2, configure: quick) { cluster async throws in
            let small = DigestHasher.digest(of: short)
            cluster.nodes[1].lie(.init(bytes: short, dripsAt: 19_000), as: small)
            let answer = try await cluster.blob(0, small)
            #expect(answer.isWhole)
            #expect(isSame(answer.body, short))
        }
    }

    @Test func `only the time of waiting for a peer makes it slow`() {
        var pace = TransferPace(window: .seconds(5), bytesPerSecondMin: 100)
        let fast = (0..<20).map { _ in pace.note(100, after: .seconds(1)) }
        #expect(!fast.contains(true))
        let slow = (0..<10).map { _ in pace.note(99, after: .seconds(1)) }
        #expect(slow.filter { $0 }.count == 2)
        // A client that takes its time.
        let idle = (0..<1000).map { _ in pace.note(1, after: .zero) }
        #expect(!idle.contains(true))
    }

    @Test func `a peer that lies is cut off before the last byte, and set aside`() async throws {
        try await Cluster.with(2) { cluster async throws in
            var wrong = bytes
            wrong[wrong.count / 2] ^= 1
            let digest = DigestHasher.digest(of: bytes)
            cluster.nodes[1].lie(.init(bytes: wrong), as: digest)
            let answer = try await cluster.blob(0, digest)
            #expect(!answer.isWhole)
            #expect(answer.body.count < bytes.count)
            #expect(cluster.nodes[0].registry.peersSetAside.map(\.reason) == ["lied"])
            #expect(try await cluster.blob(0, digest).status == 404)
        }
    }

    @Test func `a lie at the end of a part is not given out either`() async throws {
        try await Cluster.with(2) { cluster async throws in
            var wrong = bytes
            wrong[wrong.count - 1] ^= 1
            let digest = DigestHasher.digest(of: bytes)
            cluster.nodes[1].lie(.init(bytes: wrong), as: digest)
            let answer = try await cluster.blob(0, digest, fields: [("Range", "bytes=10-19")])
            #expect(!answer.isWhole)
            #expect(answer.body.count < 10)
        }
    }

    @Test func `a small lie costs the client nothing: another peer is asked`() async throws {
        try await Cluster.with(3) { cluster async throws in
            let small = noise(1000)
            let digest = DigestHasher.digest(of: small)
            cluster.nodes[1].lie(.init(bytes: noise(1000, seed: 2)), as: digest)
            _ = cluster.nodes[2].share(small)
            for _ in 0..<3 {
                let answer = try await cluster.blob(0, digest)
                #expect(answer.isWhole)
                #expect(isSame(answer.body, small))
            }
        }
    }

    @Test(arguments: [[UInt8](), noise(999), noise(1001)])
    func `a peer that is wrong about the length gives nothing whole`(_ wrong: [UInt8]) async throws {
        try await Cluster.with(2) { cluster async throws in
            let digest = DigestHasher.digest(of: noise(1000))
            cluster.nodes[1].lie(.init(bytes: wrong), as: digest)
            let answer = try await cluster.blob(0, digest)
            #expect(answer.status == 404 || !answer.isWhole)
            #expect(answer.status == 404 || answer.body.count < wrong.count)
        }
    }

    @Test func `an empty blob is served when it is the right one`() async throws {
        try await Cluster.with(2) { cluster async throws in
            let digest = cluster.nodes[1].share([])
            let answer = try await cluster.blob(0, digest)
            #expect(answer.status == 200)
            #expect(answer.body == [])
        }
    }

    @Test func `a peer that has not what it said makes room for the next`() async throws {
        try await Cluster.with(4) { cluster async throws in
            let digest = DigestHasher.digest(of: bytes)
            for liar in 1...2 { cluster.nodes[liar].router.advertise([RoutingKey(digest)]) }
            _ = cluster.nodes[3].share(bytes)
            #expect(try await isSame(cluster.blob(0, digest).body, bytes))
            #expect(cluster.nodes[0].registry.peersSetAside == [])
        }
    }

    /// Its machine is there, and nobody listens: no time that a peer is given may pass for that.
    @Test func `a peer whose port is closed makes room for the next at once, and none is waited for`() async throws {
        try await Cluster.with(2) { cluster async throws in
            let alone = DigestHasher.digest(of: [1])
            cluster.advertiseClosed(alone)
            let start = ContinuousClock.now
            #expect(try await cluster.blob(0, alone).status == 404)
            #expect(ContinuousClock.now - start < .seconds(10))
            #expect(cluster.nodes[0].registry.peersSetAside.map(\.reason) == ["failed"])
            let digest = DigestHasher.digest(of: bytes)
            cluster.advertiseClosed(digest)
            _ = cluster.nodes[1].share(bytes)
            #expect(try await isSame(cluster.blob(0, digest).body, bytes))
            #expect(ContinuousClock.now - start < .seconds(15))
        }
    }

    @Test func `many peers that have not what they said do not hide the one that has it`() async throws {
        try await Cluster.with(8) { cluster async throws in
            let digest = DigestHasher.digest(of: bytes)
            for other in 1...6 { cluster.nodes[other].router.advertise([RoutingKey(digest)]) }
            _ = cluster.nodes[7].share(bytes)
            #expect(try await isSame(cluster.blob(0, digest).body, bytes))
        }
    }

    /// Whom the client hears the length from may be the one who lies.
    @Test func `one peer that lies about the length sets no honest peer aside`() async throws {
        try await Cluster.with(4) { cluster async throws in
            let digest = DigestHasher.digest(of: bytes)
            cluster.nodes[1].lie(.init(bytes: bytes + noise(1 << 20, seed: 2), breaksAt: 1 << 20), as: digest)
            for honest in 2...3 { _ = cluster.nodes[honest].share(bytes) }
            for _ in 0..<4 { _ = try await cluster.blob(0, digest) }
            let setAside = cluster.nodes[0].registry.peersSetAside
            #expect(setAside.allSatisfy { $0.origin == cluster.nodes[1].origin }, "\(setAside)")
            let answer = try await cluster.blob(0, digest)
            #expect(answer.isWhole)
            #expect(isSame(answer.body, bytes))
        }
    }

    @Test func `peers that are remembered and of no help do not hide others`() async throws {
        try await Cluster.with(3) { cluster async throws in
            let digest = DigestHasher.digest(of: bytes)
            cluster.nodes[1].lie(.init(bytes: noise(bytes.count, seed: 2)), as: digest)
            #expect(try await !cluster.blob(0, digest).isWhole)
            _ = cluster.nodes[2].share(bytes)
            #expect(try await isSame(cluster.blob(0, digest).body, bytes))
        }
    }

    @Test func `when nobody has it the client is sent on in time`() async throws {
        try await Cluster.with(2, configure: { $0.resolveTimeout = .milliseconds(20) }) { cluster async throws in
            let start = ContinuousClock.now
            let answer = try await cluster.blob(0, DigestHasher.digest(of: [1]))
            #expect(answer.status == 404)
            #expect(ContinuousClock.now - start < .seconds(2))
        }
    }
}
