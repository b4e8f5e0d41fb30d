package import AsyncHTTPClient
package import LibP2P
package import NIOCore
internal import NIOHTTP1

/// Peers by HTTP, as Spegel hands them out at `/id` and a server of K3s at ``K3sNames/peersPath``: all of the answer, which
/// is JSON, or plain text from older servers. One of K3s has each of its nodes twice, and old ones among them.
package struct HTTPBootstrap: BootstrapSource {
    private let url: String
    private let port: Int
    private let execute: @Sendable (HTTPClientRequest, TimeAmount) async throws -> HTTPClientResponse

    /// - Parameters:
    ///   - port: for answers that have IP addresses alone.
    ///   - execute: a client's, with whatever certificates the other side wants.
    package init(
        url: String, port: Int,
        execute: @escaping @Sendable (HTTPClientRequest, TimeAmount) async throws -> HTTPClientResponse
    ) {
        self.url = url
        self.port = port
        self.execute = execute
    }

    /// Without a query, which may hold a secret.
    package var name: String { String(url.prefix { $0 != "?" }) }

    package func addresses() async throws -> [Multiaddr] {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Accept", value: "application/json")
        let response = try await execute(request, .seconds(10))
        guard response.status == .ok else { throw BootstrapError.refused(status: Int(response.status.code)) }
        let body = try await response.body.collect(upTo: Self.bodyLimitBytes)
        let bytes = Array(body.readableBytesView)
        let list =
            response.headers.first(name: "Content-Type")?.hasPrefix("text/plain") == true && bytes.first == Self.slash
            ? AddressInformation.parse(lines: String(decoding: bytes, as: UTF8.self), port: port)
            : try AddressInformation.parse(bytes, port: port)
        return list.flatMap(\.multiaddrs)
    }

    /// No JSON begins with it, and every multiaddr does.
    private static let slash = UInt8(ascii: "/")
    private static let bodyLimitBytes = 64 << 10
}
