import MetadataStore
import MetadataStoreConformance
import OCI
import Rules
import SQLiteMetadataStore
import Testing
import Timekeeping

/// xorshift64: the same operations for the same seed.
private struct Randomness: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

@Suite struct `Random operations` {
    /// Manifests 0...9 are images over blobs 90...108, 10...14 indexes over images, 15...17 indexes over indexes.
    private static func manifests() throws -> [SampleManifest] {
        var manifests: [SampleManifest] = []
        for number in 0..<10 {
            manifests.append(
                try .image(
                    number, config: 90 + number, layers: [100 + number % 3, 105 + number % 4, 100 + number % 3],
                    subject: number % 4 == 3 ? Samples.digest(number - 1) : nil))
        }
        for number in 10..<15 {
            manifests.append(
                try .index(number, of: [number - 10, number - 9, number - 5, 50].map { Samples.digest($0) }))
        }
        for number in 15..<18 {
            manifests.append(try .index(number, of: [number - 5, number - 4, number - 15].map { Samples.digest($0) }))
        }
        return manifests
    }

    @Test(arguments: 1...12)
    func `leave SQLite and the naive model with the same answers`(_ seed: Int) async throws {
        try await withCatalogue { store async throws in
            let model = NaiveCatalogue()
            var random = Randomness(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15)
            let manifests = try Self.manifests()
            let repositories = [
                try Samples.repository("a"), try Samples.repository("b"), try Samples.repository("a", rule: "x"),
            ]
            for step in 1...250 {
                try await apply(&random, step: step, to: store, and: model, manifests, repositories)
                if step.isMultiple(of: 25) { try await compare(store, model, repositories) }
            }
            #expect(try await store.integrityProblems() == [])
        }
    }

    private func apply(
        _ random: inout Randomness, step: Int, to store: SQLiteMetadataStore, and model: NaiveCatalogue,
        _ manifests: [SampleManifest], _ repositories: [RepositoryKey]
    ) async throws {
        let repository = try #require(repositories.randomElement(using: &random))
        let manifest = try #require(manifests.randomElement(using: &random))
        let blob = Int.random(in: 90...110, using: &random)
        let tag = "t\(Int.random(in: 0...5, using: &random))"
        let second = Int.random(in: 0...1000, using: &random)
        let reference: ManifestReference =
            Bool.random(using: &random) ? .tag(try Tag(tag)) : .digest(manifest.digest)
        let isPinned = Bool.random(using: &random)
        let stores: [any MetadataStore] = [store, model]
        switch Int.random(in: 0..<20, using: &random) {
        case 18:
            let lease = PinRecord(repository: repository, reference: reference)
            for store in stores {
                try await store.putLeases([lease], holder: isPinned ? "a" : "b", until: Samples.moment(second))
            }
        case 19:
            for store in stores {
                try await store.removeLeases(of: isPinned ? "a" : nil, endingBefore: Samples.moment(second))
            }
        case 0...4: for store in stores { try await store.put(manifest, in: repository, at: second) }
        case 5, 6: for store in stores { try await store.putTag(tag, of: manifest.digest, in: repository, at: second) }
        case 7, 8: for store in stores { try await store.putBlobs([blob], at: second) }
        case 9, 10:
            for store in stores { try await store.pull(manifest.digest, in: repository, at: second, count: step) }
        case 11: for store in stores { try await store.pull(Samples.digest(blob), .blob, in: repository, at: second) }
        case 12:
            let moment = Samples.moment(second)
            for store in stores {
                try await store.confirm(blob: Samples.digest(blob), size: 7, in: repository, at: moment)
            }
        case 13:
            let removed = try await store.removeImage(manifest.digest, in: repository)
            #expect(Set(removed) == Set(try await model.removeImage(manifest.digest, in: repository)))
            #expect(removed.first.map { $0 == manifest.digest } ?? true)
        case 14:
            let digest = isPinned ? Samples.digest(blob) : manifest.digest
            let isUnreferenced = try await store.isUnreferenced(blob: digest)
            #expect(try await model.isUnreferenced(blob: digest) == isUnreferenced)
            let isRemoved = try await store.removeUnreferenced(blob: digest)
            #expect(try await model.removeUnreferenced(blob: digest) == isRemoved)
        case 15:
            let digest = isPinned ? Samples.digest(blob) : manifest.digest
            for store in stores { try await store.forget(blob: digest) }
        case 16: for store in stores { try await store.setPin(isPinned, on: reference, in: repository) }
        default: for store in stores { try await store.removeManifest(manifest.digest, in: repository) }
        }
    }

    private func compare(
        _ store: SQLiteMetadataStore, _ model: NaiveCatalogue, _ repositories: [RepositoryKey]
    ) async throws {
        let images = try await store.images(limit: 1000)
        #expect(images.map(\.lastPulledAt) == images.map(\.lastPulledAt).sorted())
        #expect(Set(images) == Set(try await model.images(limit: 1000)))
        #expect(try await store.statistics() == model.statistics())
        #expect(try await store.blobs(after: nil, limit: 1000) == model.blobs(after: nil, limit: 1000))
        #expect(Set(try await store.pins()) == Set(try await model.pins()))
        #expect(Set(try await store.leases(in: nil)) == Set(try await model.leases(in: nil)))
        #expect(
            try await store.repositories(after: nil, limit: 1000) == model.repositories(after: nil, limit: 1000))
        for moment in [200, 700, 2000].map({ Samples.moment($0) }) {
            #expect(
                try await store.unreferencedBlobs(usedBefore: moment, limit: 7)
                    == model.unreferencedBlobs(usedBefore: moment, limit: 7))
        }
        let without = try await store.manifestsWithoutBlob(limit: 1000).map { "\($0.0)@\($0.1)" }
        #expect(Set(without) == Set(try await model.manifestsWithoutBlob(limit: 1000).map { "\($0.0)@\($0.1)" }))
        for repository in repositories {
            #expect(
                try await store.tags(in: repository, after: nil, limit: 99)
                    == model.tags(in: repository, after: nil, limit: 99))
            #expect(
                try await store.manifests(in: repository, after: nil, limit: 99)
                    == model.manifests(in: repository, after: nil, limit: 99))
            for number in 0..<18 {
                let digest = Samples.digest(number)
                #expect(try await store.manifest(digest, in: repository) == model.manifest(digest, in: repository))
                #expect(
                    try await store.referrers(of: digest, in: repository) == model.referrers(of: digest, in: repository)
                )
                #expect(
                    try await store.image(.digest(digest), in: repository)
                        == model.image(.digest(digest), in: repository))
            }
            for number in 90...110 {
                let digest = Samples.digest(number)
                #expect(
                    try await store.membership(of: digest, in: repository)
                        == model.membership(of: digest, in: repository))
            }
        }
    }
}
