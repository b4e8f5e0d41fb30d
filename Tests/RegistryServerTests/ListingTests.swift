import NIOCore
import OCI
import PullThroughCache
import Rules
import Testing

@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct ListingTests {
    private static func tags(hasMore: Bool) -> FakeContent {
        FakeContent {
            $0.tags = { _ throws(CacheError) in
                guard let tags = try? ["1.0", "latest"].map({ try Tag($0) }) else { throw .nameUnknown }
                return TagsAnswer(tags: tags, hasMore: hasMore, status: .hit)
            }
        }
    }

    @Test func `tags are listed under the name that the client wrote`() async throws {
        let content = Self.tags(hasMore: false)
        try await RunningServer.with(content) { server in
            let answer = try await server.get("/v2/dockerhub/nginx/tags/list")
            #expect(answer.status == 200)
            #expect(answer.text == #"{"name":"dockerhub/nginx","tags":["1.0","latest"]}"# + "\n")
            #expect(answer["content-type"] == "application/json")
            #expect(answer["link"] == nil)
            #expect(answer["cache-status"] == "Weir; hit")
            #expect(content.asked.tags.first?.limit == nil)
        }
    }

    @Test func `a list that goes on says where, and keeps the namespace`() async throws {
        let content = Self.tags(hasMore: true)
        try await RunningServer.with(content) { server in
            let answer = try await server.get("/v2/a/b/tags/list?ns=ghcr.io&n=2&last=0%2B1")
            #expect(answer["link"] == #"</v2/a/b/tags/list?last=latest&n=2&ns=ghcr.io>; rel="next""#)
            #expect(content.asked.tags.first?.last == "0+1")
            #expect(content.asked.tags.first?.limit == 2)
            let unlimited = try await server.get("/v2/a/b/tags/list")
            #expect(unlimited["link"] == #"</v2/a/b/tags/list?last=latest>; rel="next""#)
        }
    }

    @Test func `none of the tags are an empty list without a link`() async throws {
        try await RunningServer.with(Self.tags(hasMore: true)) { server in
            let answer = try await server.get("/v2/a/tags/list?n=0")
            #expect(answer.text == #"{"name":"a","tags":[]}"# + "\n")
            #expect(answer["link"] == nil)
        }
    }

    @Test func `referrers are an index, and say whether they were filtered`() async throws {
        let index = #"{"schemaVersion":2,"manifests":[]}"#
        let content = FakeContent {
            $0.referrers = { request throws(CacheError) in
                ReferrersAnswer(
                    bytes: ByteBuffer(string: index), isFiltered: request.artifactType != nil, status: .hit)
            }
        }
        try await RunningServer.with(content) { server in
            let target = "/v2/a/referrers/\(Fixture.manifestDigest)"
            let all = try await server.get(target)
            #expect(all.text == index)
            #expect(all["content-type"] == "application/vnd.oci.image.index.v1+json")
            #expect(all["oci-filters-applied"] == nil)
            let long = String(repeating: "a", count: 255)
            for (type, status) in [(long, 200), (long + "a", 400)] {
                #expect(try await server.get(target + "?artifactType=\(type)").status == status)
            }
            let filtered = try await server.get(target + "?artifactType=application/vnd.example+json")
            #expect(filtered["oci-filters-applied"] == "artifactType")
            #expect(content.asked.referrers.last?.artifactType == "application/vnd.example+json")
            let encoded = try await server.get(target + "?artifactType=application%2Fvnd.example%2Bjson")
            #expect(encoded.status == 200)
            #expect(content.asked.referrers.last?.artifactType == "application/vnd.example+json")
        }
    }

    @Test func `the catalog lists what can be pulled, page by page`() async throws {
        let keys = try [
            ("dockerhub", "library/nginx"), ("ghcr.io", "a/b"), ("gone", "x"), ("lab", "one"), ("lab", "two"),
            ("team/app", "elsewhere/y"), ("team/app", "up-stream/x"),
        ].map { RepositoryKey(rule: try RuleName($0.0), name: try RepositoryName($0.1)) }
        let names = ["dockerhub/library/nginx", "ghcr.io/a/b", "lab/one", "lab/two", "team/app/x"]
        try await RunningServer.with(FakeContent { $0.repositories = keys }) { server in
            let whole = try await server.get("/v2/_catalog")
            #expect(whole.text == #"{"repositories":["# + names.map { "\"\($0)\"" }.joined(separator: ",") + "]}\n")
            #expect(whole["link"] == nil)
            for size in 1...5 {
                var found: [String] = []
                var target: String? = "/v2/_catalog?n=\(size)"
                while let next = target {
                    let page = try await server.get(next)
                    let listed = page.text.split(separator: "\"").filter { $0.contains("/") }.map(String.init)
                    #expect(listed.count <= size)
                    found += listed
                    target = page["link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
                }
                #expect(found == names)
            }
        }
    }
}
