import OCI
import Testing

@testable import PeerRegistry

struct DecisionTests {
    private let digest = DigestHasher.digest(of: [1])

    private func question(offset: Int64 = 0, tag: Bool = false) throws -> PeerQuestion {
        PeerQuestion(
            registry: .dockerHub, repository: try RepositoryName("library/x"), kind: .blobs,
            reference: tag ? .tag(try Tag("1")) : .digest(digest), offset: offset)
    }

    @Test(arguments: [
        (404, [:], 0, false), (200, [:], 0, false), (200, ["Content-Length": "-1"], 0, false),
        (200, ["Content-Length": "10"], 0, true), (206, ["Content-Length": "10"], 0, false),
        (200, ["Content-Length": "99999999999999999999"], 0, false),
        (200, ["Content-Length": "10"], 5, false), (206, ["Content-Range": "bytes 5-9/10"], 5, true),
        (206, ["Content-Range": "bytes 5-8/10"], 5, false), (206, ["Content-Range": "bytes 4-9/10"], 5, false),
        (206, ["Content-Range": "bytes 5-9/*"], 5, false), (206, ["Content-Range": "nonsense"], 5, false),
        (200, ["Content-Length": "10", "Docker-Content-Digest": "sha256:zz"], 0, false),
        (301, ["Content-Length": "10"], 0, false),
    ])
    func `an answer counts only where it answers the question`(
        _ status: Int, _ fields: [String: String], _ offset: Int64, _ isGood: Bool
    ) throws {
        let question = try question(offset: offset)
        let head = Result { () throws(PeerFailure) in
            try PeerHead(status: status, to: question) { fields[$0] }
        }
        let found = (try? head.get()) != nil
        #expect(found == isGood)
        #expect((try? head.get().size) == (isGood ? 10 : nil))
    }

    @Test func `a tag's answer must name a digest, and a digest's no other one`() throws {
        let tag = try question(tag: true)
        #expect(throws: PeerFailure.self) { try PeerHead(status: 200, to: tag) { ["Content-Length": "1"][$0] } }
        let fields = ["Content-Length": "1", "Docker-Content-Digest": "\(DigestHasher.digest(of: [2]))"]
        let head = try PeerHead(status: 200, to: tag) { fields[$0] }
        #expect(head.digest == DigestHasher.digest(of: [2]))
        let other = try question()
        #expect(throws: PeerFailure.self) { try PeerHead(status: 200, to: other) { fields[$0] } }
    }

    @Test func `peers are set aside by address for a time, in bounded number`() {
        var standing = PeerStanding()
        let now = ContinuousClock.now
        standing.note(.lied, of: "a", until: now + .seconds(10))
        standing.note(.failed, of: "a", until: now + .seconds(1))
        func isSetAside(_ origin: String, _ moment: Duration) -> Bool {
            standing.isSetAside(origin, now: now + moment)
        }
        #expect(isSetAside("a", .seconds(5)))
        #expect(!isSetAside("a", .seconds(10)))
        #expect(!isSetAside("b", .zero))
        for index in 0..<5000 { standing.note(.failed, of: "\(index)", until: now + .seconds(index)) }
        #expect(standing.setAside.count == PeerStanding.countMax)
        #expect(isSetAside("4999", .zero))
    }

    @Test func `the least busy is asked, each once, and further ones only when wanted`() {
        let sources = (0..<5).map { PeerSource.peer("\($0)", address: "10.0.0.\($0)", port: 1, usesTLS: false) }
        var race = RaceState(excluded: [sources[0]], concurrency: 2, attemptMax: 3)
        func next() -> PeerSource? { race.next { $0.first } }
        #expect(next() == nil)
        race.candidates = sources
        #expect(next() == sources[1])
        #expect(next() == nil)
        race.wanted = 4
        #expect(next() == sources[2])
        #expect(next() == nil, "no more than two at once")
        race.running = 0
        #expect(next() == sources[3])
        #expect(next() == nil, "no more than three in all")
        #expect(!race.isLost)
        race.running = 0
        #expect(race.isLost)
    }

    @Test func `hedging follows what is usual`() {
        var times = FetchTimes()
        #expect(times.hedges.first == .milliseconds(50))
        for milliseconds in 1...200 { times.record(.milliseconds(milliseconds)) }
        #expect(times.hedges == [.milliseconds(181), .milliseconds(186), .milliseconds(191)])
    }

    @Test(arguments: [
        ("10.0.0.1", false, "http://10.0.0.1:5000"), ("fd00::1", false, "http://[fd00::1]:5000"),
        ("10.0.0.1", true, "https://10.0.0.1:5000"),
    ])
    func `a peer is asked at its address and our port`(_ address: String, _ tls: Bool, _ origin: String) {
        #expect(PeerSource.peer("x", address: address, port: 5000, usesTLS: tls).origin == origin)
    }

    @Test func `an expression that cannot be used is told`() {
        #expect(throws: RegistryFilterError.self) { try RegistryFilter(hidden: ["("]) }
    }
}
