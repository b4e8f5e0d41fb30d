import FoundationEssentials
import HostileInput
import PeerFuzzing
import Testing

/// What fuzzing found worth keeping, and changes of it, at the same entry points as `make fuzz`.
struct FuzzCorpusTests {
    private static func corpus(_ target: PeerFuzzTarget) throws -> [[UInt8]] {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let folder = tests.appending(path: "PeerFuzzing/Corpus/\(target.rawValue)").path
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map {
            Array(try Data(contentsOf: URL(filePath: "\(folder)/\($0)")))
        }
    }

    @Test(arguments: PeerFuzzTarget.allCases)
    func `the kept corpus, and changes of it, break no parser`(_ target: PeerFuzzTarget) throws {
        let corpus = try Self.corpus(target)
        #expect(!corpus.isEmpty)
        var generator = SeededGenerator(seed: 1)
        for input in corpus {
            target.run(input)
            guard !input.isEmpty else { continue }
            for _ in 0..<3 {
                var changed = input
                changed[Int.random(in: 0..<changed.count, using: &generator)] = .random(in: 0...255, using: &generator)
                target.run(changed)
                target.run(Array(changed.prefix(Int.random(in: 0...changed.count, using: &generator))))
            }
        }
    }
}
