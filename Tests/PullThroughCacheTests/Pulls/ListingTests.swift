import HTTPSemantics
import NIOCore
import OCI
import RegistryTestKit
import Rules
import Testing
import Timekeeping

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2))) struct ListingTests {
    private func tags(_ fixture: CacheFixture, last: String? = nil, limit: Int? = nil) async throws -> TagsAnswer {
        try await fixture.cache.tags(
            TagsRequest(rule: fixture.rule, repository: try fixture.key("a/b"), last: last, limit: limit))
    }

    private func referrers(
        _ fixture: CacheFixture, of subject: Digest, artifactType: String? = nil
    ) async throws -> (answer: ReferrersAnswer, list: [Descriptor]) {
        let answer = try await fixture.cache.referrers(
            ReferrersRequest(
                rule: fixture.rule, repository: try fixture.key("a/b"), subject: subject, artifactType: artifactType))
        let index = try Manifest(parsing: answer.bytes.readableBytesView, declared: .ociIndex, digest: subject)
        return (answer, index.manifests)
    }

    @Test
    func `tags are the upstream's, and the cached ones when it is down`() async throws {
        try await CacheFixture.withRunning { fixture in
            for tag in ["1.0", "2.0", "3.0"] { fixture.registry.addImage(repository: "a/b", tag: tag) }
            for tag in ["1.0", "3.0"] { _ = try await fixture.manifest("a/b", tag) }
            #expect(try await tags(fixture).tags.map(\.description) == ["1.0", "2.0", "3.0"])
            let page = try await tags(fixture, limit: 2)
            #expect(page.tags.count == 2 && page.hasMore)
            try await fixture.settle()
            await fixture.registry.goDown()
            let cached = try await tags(fixture)
            #expect(cached.tags.map(\.description) == ["1.0", "3.0"])
            #expect(cached.status.detail == "unreachable")
            let first = try await tags(fixture, limit: 1)
            #expect(first.tags.map(\.description) == ["1.0"] && first.hasMore)
            #expect(try await tags(fixture, last: "1.0").tags.map(\.description) == ["3.0"])
        }
    }

    @Test
    func `a repository that the upstream does not have has no tags`() async throws {
        try await CacheFixture.withRunning { fixture in
            await #expect(throws: CacheError.nameUnknown) { try await tags(fixture) }
        }
    }

    @Test(arguments: [true, false])
    func `referrers flow through, by the API or by the tag, and are listed without the upstream once pulled`(
        _ hasAPI: Bool
    ) async throws {
        try await CacheFixture.withRunning { fixture in
            let registry = fixture.registry
            let image = registry.addSingleImage(repository: "a/b", tag: "v1")
            let signature = registry.addReferrer(
                to: image.manifest, repository: "a/b", artifactType: "application/vnd.test.signature")
            let sbom = registry.addReferrer(
                to: image.manifest, repository: "a/b", artifactType: "application/vnd.test.sbom")
            registry.supportsReferrers = hasAPI
            if !hasAPI {
                let entries = [(signature, "signature"), (sbom, "sbom")].map { manifest, type in
                    manifest.descriptor(extra: #","artifactType":"application/vnd.test.\#(type)""#)
                }
                let index = TestContent(
                    ByteBuffer(
                        string: #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":["#
                            + entries.joined(separator: ",") + "]}"), mediaType: .ociIndex)
                registry.add(
                    manifest: index, to: "a/b", tag: Tag(referrersOf: image.manifest.digest).description)
            }
            let subject = image.manifest.digest
            #expect(
                try await Set(referrers(fixture, of: subject).list.map(\.digest)) == [signature.digest, sbom.digest])
            let filtered = try await referrers(
                fixture, of: subject, artifactType: "application/vnd.test.signature")
            #expect(filtered.list.map(\.digest) == [signature.digest])
            #expect(filtered.answer.isFiltered)
            for manifest in [signature, sbom] {
                #expect(try await fixture.manifest("a/b", manifest.digest).bytes == manifest.bytes)
            }
            try await fixture.settle()
            await registry.goDown()
            fixture.clock.advance(by: .seconds(100_000))
            let cached = try await referrers(fixture, of: subject)
            #expect(Set(cached.list.map(\.digest)) == [signature.digest, sbom.digest])
            #expect(cached.answer.status.detail != nil)
        }
    }

    @Test
    func `a manifest without referrers has an empty list`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.supportsReferrers = false
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1")
            let list = try await referrers(fixture, of: image.manifest.digest).list
            #expect(list.isEmpty)
        }
    }
}
