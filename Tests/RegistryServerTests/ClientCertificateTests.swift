import AsyncHTTPClient
import Foundation
import Listening
import NIOCore
import NIOHTTP1
import PeerRegistry
import Testing

@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct ClientCertificateTests {
    /// The files of an authority and of a certificate that it signed, as a node is given them.
    private struct Files {
        let certificate: TestCertificate
        let authorityFile: String

        init() throws {
            certificate = try TestCertificate()
            authorityFile = certificate.files.certificateFile + ".authority"
            try Data(certificate.authority.utf8).write(to: URL(filePath: authorityFile))
        }
    }

    private func status(_ port: Int, _ tls: PeerHTTP.TLS) async throws -> UInt {
        let client = try PeerHTTP.client(connect: .seconds(5), stall: .seconds(5), tls: tls)
        do {
            let code = try await status(port, client)
            try await client.shutdown()
            return code
        } catch {
            try await client.shutdown()
            throw error
        }
    }

    private func status(_ port: Int, _ client: PeerHTTPClient) async throws -> UInt {
        try await client.execute(HTTPClientRequest(url: "https://localhost:\(port)/v2/"), timeout: .seconds(5)).status
            .code
    }

    @Test func `a client's certificate is read again when it is replaced`() async throws {
        let (files, stranger) = (try Files(), try Files())
        var tls = files.certificate.files
        tls.clientAuthorityFile = files.authorityFile
        let required = tls
        try await RunningServer.with(configure: { $0.tls = required }) { server async throws in
            let used = PeerHTTP.TLS(
                authorityFile: files.authorityFile, certificateFile: stranger.certificate.files.certificateFile,
                keyFile: stranger.certificate.files.keyFile)
            let client = try PeerHTTP.client(connect: .seconds(5), stall: .seconds(5), tls: used)
            await #expect(throws: (any Error).self) { try await status(server.port, client) }
            try Data("no certificate".utf8).write(to: URL(filePath: stranger.certificate.files.certificateFile))
            #expect(throws: PeerTLSError.self) { try client.reloadCertificates() }
            for (from, to) in [
                (files.certificate.files.certificateFile, stranger.certificate.files.certificateFile),
                (files.certificate.files.keyFile, stranger.certificate.files.keyFile),
            ] {
                try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to))
            }
            try client.reloadCertificates()
            #expect(try await status(server.port, client) == 200)
            try await client.shutdown()
        }
    }

    @Test func `nobody is let in without a certificate of the authority, where one is asked for`() async throws {
        let (files, stranger) = (try Files(), try Files())
        var tls = files.certificate.files
        tls.clientAuthorityFile = files.authorityFile
        let required = tls
        try await RunningServer.with(configure: { $0.tls = required }) { server async throws in
            let own = files.certificate.files
            #expect(
                try await status(
                    server.port,
                    PeerHTTP.TLS(
                        authorityFile: files.authorityFile, certificateFile: own.certificateFile, keyFile: own.keyFile))
                    == 200)
            await #expect(throws: (any Error).self, "without a certificate") {
                try await status(server.port, PeerHTTP.TLS(authorityFile: files.authorityFile))
            }
            let other = stranger.certificate.files
            await #expect(throws: (any Error).self, "with somebody else's") {
                try await status(
                    server.port,
                    PeerHTTP.TLS(
                        authorityFile: files.authorityFile, certificateFile: other.certificateFile,
                        keyFile: other.keyFile))
            }
            await #expect(throws: (any Error).self, "a server of another authority is not believed") {
                try await status(
                    server.port,
                    PeerHTTP.TLS(
                        authorityFile: stranger.authorityFile, certificateFile: own.certificateFile,
                        keyFile: own.keyFile))
            }
        }
    }

    @Test func `a file that is no certificate is named`() throws {
        let files = try Files()
        #expect(throws: PeerTLSError.self) {
            try PeerHTTP.client(
                connect: .seconds(1), stall: .seconds(1),
                tls: PeerHTTP.TLS(authorityFile: files.certificate.files.keyFile))
        }
    }
}
