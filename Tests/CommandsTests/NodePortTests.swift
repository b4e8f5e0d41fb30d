import AsyncHTTPClient
import ControlServer
import NIOCore
import NIOHTTP1
import NIOSSL
import RegistryTestKit
import Testing

@testable import Commands

/// `weir serve` among nodes that show each other certificates.
extension NodeTests {
    private func client(_ certificates: TestCertificates, shows: Bool) throws -> HTTPClient {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(certificates.authorityFile))
        if shows {
            tls.certificateChain = try NIOSSLCertificate.fromPEMFile(certificates.clientCertificateFile)
                .map { .certificate($0) }
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: certificates.clientKeyFile, format: .pem))
        }
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.tlsConfiguration = tls
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// - Parameter isPeer: whether it says so; who comes to a node's port need not.
    private func get(_ url: String, by client: HTTPClient, isPeer: Bool) async throws -> (
        status: UInt, body: ByteBuffer
    ) {
        var request = HTTPClientRequest(url: url)
        if isPeer { request.headers.add(name: "X-Spegel-Mirrored", value: "true") }
        let response = try await client.execute(request, timeout: .seconds(20))
        return (response.status.code, try await response.body.collect(upTo: 1 << 20))
    }

    @Test func `with certificates peers have a port of their own, which fetches nothing and lets nobody else in`()
        async throws
    {
        let certificates = try TestCertificates()
        let (certificate, key) = (certificates.serverCertificateFile, certificates.serverKeyFile)
        let tls =
            "fetches: false }\n  tls: { certificate: \(certificate), key: \(key), clientAuthority: "
            + certificates.authorityFile
        try await withServing(store: tls) { registry, _, folder, url async throws in
            let image = registry.addImage(repository: "a/b", tag: "1", layerSizes: [70_000])
            let other = registry.addImage(repository: "a/b", tag: "2", layerSizes: [100])
            try await pull(image, url)
            // All of it is advertised a moment after the last of it came.
            let status = try await status(folder) {
                $0.advertisedKeys >= 1 + image.manifests.count + image.blobs.count
            }
            let address = try #require(status.registryAddresses.first)
            #expect(status.registryAddresses.count == 1 && !url.contains(address), "\(status.registryAddresses)")
            let base = "https://\(address)/v2/a/b"
            let layer = image.images[0].layers[0]
            let (known, unknown) = (try client(certificates, shows: true), try client(certificates, shows: false))
            let before = registry.requestCount()
            for isPeer in [true, false] {
                let manifest = try await get("\(base)/manifests/1?ns=made-up.example", by: known, isPeer: isPeer)
                #expect(manifest.status == 200 && manifest.body == image.index.bytes)
                let blob = try await get(
                    "\(base)/blobs/\(layer.digest)?ns=made-up.example", by: known, isPeer: isPeer)
                #expect(blob.status == 200 && blob.body == layer.bytes)
                for path in ["manifests/2", "blobs/\(other.blobs[0].digest)"] {
                    let answer = try await get("\(base)/\(path)?ns=made-up.example", by: known, isPeer: isPeer)
                    #expect(answer.status == 404, "\(path)")
                }
            }
            #expect(registry.requestCount() == before)
            await #expect(throws: (any Error).self) {
                _ = try await get("\(base)/manifests/1?ns=made-up.example", by: unknown, isPeer: true)
            }
            try await known.shutdown()
            try await unknown.shutdown()
        }
    }
}
