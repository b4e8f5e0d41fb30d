import Listening
import NIOCore
import OCI
import PullThroughCache
import Rules
import Testing
import Upstream

@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct RoutingTests {
    @Test(arguments: [
        ("/v2/nginx/manifests/1", "dockerhub/library/nginx"),
        ("/v2/a/b/manifests/1", "dockerhub/a/b"),
        ("/v2/lab/x/manifests/1", "lab/x"),
        ("/v2/dockerhub/nginx/manifests/1", "dockerhub/library/nginx"),
        ("/v2/ghcr.io/a/b/manifests/1", "ghcr.io/a/b"),
        ("/v2/a/b/manifests/1?ns=ghcr.io", "ghcr.io/a/b"),
        ("/v2/nginx/manifests/1?ns=docker.io&ns=docker.io", "dockerhub/library/nginx"),
        ("/v2/team/app/x/manifests/1", "team/app/up-stream/x"),
        ("/v2/a/manifests/b/manifests/1", "dockerhub/a/manifests/b"),
        ("http://hub.weir.test/v2/nginx/manifests/1", "dockerhub/library/nginx"),
    ])
    func `a request is addressed to its rule and repository`(_ target: String, _ repository: String) async throws {
        let content = Fixture.content(inMemory: true)
        try await RunningServer.with(content) { server in
            let answer = try await server.get(target)
            #expect(answer.status == 200)
            #expect(content.asked.manifests.map(\.repository.description) == [repository])
        }
    }

    @Test(arguments: [
        ("GET", "/v2/a/manifests/1?ns=quay.io", 403, "DENIED"),
        ("GET", "/v2/quay.io/a/manifests/1", 403, "DENIED"),
        ("GET", "/v2/a/manifests/1?ns=docker.io&ns=ghcr.io", 400, "NAME_INVALID"),
        ("GET", "/v2/a/manifests/1?ns=%00", 400, "NAME_INVALID"),
        ("GET", "/v2/a/manifests/1?ns=a/b", 400, "NAME_INVALID"),
        ("GET", "/v2/A/manifests/1", 400, "NAME_INVALID"),
        ("GET", "/v2/../../etc/manifests/1", 400, "NAME_INVALID"),
        ("GET", "/v2/a/../b/manifests/1", 400, "NAME_INVALID"),
        ("GET", "/v2/a//b/manifests/1", 400, "NAME_INVALID"),
        ("GET", "/v2/a%2Fb/manifests/1", 400, "NAME_INVALID"),
        ("GET", "/v2/a/manifests/.bad", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/v2/a/manifests/", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/v2/a/manifests/sha256:ab", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/manifests/md5:d41d8cd98f00b204e9800998ecf8427e", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/blobs/latest", 400, "DIGEST_INVALID"),
        ("HEAD", "/v2/a/blobs/sha256:AB", 400, ""),
        ("GET", "/v2/a/referrers/sha256:ab", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/tags/list?n=x", 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/v2/_catalog?n=-1", 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/v2/_catalog?last=quay.io/x", 400, "NAME_INVALID"),
        ("GET", "/v2/a/manifests/unknown", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/v2/a/nothing", 404, "UNSUPPORTED"),
        ("GET", "/v2/a/blobs/uploads/", 404, "UNSUPPORTED"),
        ("GET", "/nothing", 404, "UNSUPPORTED"),
        ("POST", "/v2/a/blobs/uploads/", 405, "UNSUPPORTED"),
        ("PUT", "/v2/a/manifests/1", 405, "UNSUPPORTED"),
        ("DELETE", "/v2/a/manifests/1", 405, "UNSUPPORTED"),
        ("OPTIONS", "/v2/", 405, "UNSUPPORTED"),
        ("POST", "/healthz", 405, "UNSUPPORTED"),
    ])
    func `what cannot be answered is told in an envelope`(
        _ method: String, _ target: String, _ status: Int, _ code: String
    ) async throws {
        let content = FakeContent()
        try await RunningServer.with(content) { server in
            let answer = try await server.get(target, method: method)
            #expect(answer.status == status)
            if method != "HEAD" { #expect(answer.text.hasPrefix(#"{"errors":[{"code":"\#(code)","message":"#)) }
            #expect(answer["content-type"] == "application/json")
            #expect(answer["cache-control"] == "no-store")
            #expect((answer["allow"] == "GET, HEAD") == (status == 405))
        }
    }

    @Test func `the host that no rule allows is named, and how to allow it`() async throws {
        try await RunningServer.with { server in
            let answer = try await server.get("/v2/a/manifests/1?ns=quay.io")
            #expect(answer.text.contains("quay.io"))
            #expect(answer.text.contains("registry: quay.io"))
        }
    }

    @Test func `pushes learn why they are refused`() async throws {
        try await RunningServer.with { server in
            let answer = try await server.get("/v2/a/blobs/uploads/", "Content-Length: 0", method: "POST")
            #expect(answer.text.contains("pull-through cache"))
        }
    }

    @Test(arguments: ["/v2/", "/v2"])
    func `the base tells the API's version`(_ path: String) async throws {
        try await RunningServer.with { server in
            let answer = try await server.get(path)
            #expect(answer.status == 200)
            #expect(answer["docker-distribution-api-version"] == "registry/2.0")
            #expect(answer["content-type"] == "application/json")
            #expect(answer.text == "{}\n")
        }
    }

    @Test func `operational paths are answered from their table`() async throws {
        let operations: [String: @Sendable () async -> OperationalAnswer] = [
            "/healthz": { OperationalAnswer(body: "ok\n") },
            "/readyz": { OperationalAnswer(status: 503, body: "starting\n") },
        ]
        try await RunningServer.with(operations: operations) { server in
            for target in ["/healthz", "/healthz?verbose=1"] {
                let answer = try await server.get(target)
                #expect(answer.status == 200)
                #expect(answer.text == "ok\n")
            }
            let ready = try await server.get("/readyz")
            #expect(ready.status == 503)
            let head = try await server.get("/healthz", method: "HEAD")
            #expect(head["content-length"] == "3")
            let root = try await server.get("/")
            #expect(root.text.contains("Weir"))
            let metrics = try await server.get("/metrics")
            #expect(metrics.status == 404)
        }
    }

    @Test func `errors of the cache are told with their wait`() async throws {
        let content = FakeContent {
            $0.manifest = { _ throws(CacheError) in
                throw .upstream(.rateLimited(.pull, retryAfter: .milliseconds(1500)))
            }
        }
        try await RunningServer.with(content) { server in
            let answer = try await server.get("/v2/a/manifests/1")
            #expect(answer.status == 429)
            #expect(answer["retry-after"] == "2")
            #expect(answer.text.contains("TOOMANYREQUESTS"))
            #expect(answer.text.contains("dockerhub"))
        }
    }
}
