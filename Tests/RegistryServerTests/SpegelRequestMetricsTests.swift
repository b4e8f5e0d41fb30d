import HTTPSemantics
import NIOCore
import PullThroughCache
import Testing

@testable import RegistryServer

@Suite struct SpegelRequestMetricsTests {
    @Test(arguments: [
        (Request.Method.get, "/v2", SpegelRequestMetrics.Handler?.some(.registry)), (.head, "/v2/", .registry),
        (.get, "/v2/library/x/manifests/1?ns=docker.io", .registry), (.get, "/v2/nonsense", .registry),
        (.get, "/livez", .live), (.get, "/readyz?verbose", .ready), (.get, "/", nil), (.get, "/v2x/y", nil),
        (.get, "/metrics", nil), (.other, "/v2/", nil),
    ])
    func `a request belongs to the pattern that Spegel has for it`(
        _ method: Request.Method, _ target: String, _ handler: SpegelRequestMetrics.Handler?
    ) {
        let request = Request(
            method: method, target: target, fields: RequestFields(),
            client: Client(address: "127.0.0.1", mayRefresh: false), takesChunks: true, startedAt: .now())
        #expect(SpegelRequestMetrics.Handler(request) == handler)
    }
}
