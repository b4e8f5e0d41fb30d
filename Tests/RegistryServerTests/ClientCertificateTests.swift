import AsyncHTTPClient
import Foundation
import HTTPFailures
import Listening
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
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
            // At once, and with the reason.
            await #expect(throws: HTTPFailure.tls(.clientCertificate), "without a certificate") {
                try await status(server.port, PeerHTTP.TLS(authorityFile: files.authorityFile))
            }
            let other = stranger.certificate.files
            await #expect(throws: HTTPFailure.tls(.clientCertificate), "with somebody else's") {
                try await status(
                    server.port,
                    PeerHTTP.TLS(
                        authorityFile: files.authorityFile, certificateFile: other.certificateFile,
                        keyFile: other.keyFile))
            }
            await #expect(throws: HTTPFailure.tls(.untrusted), "a server of another authority is not believed") {
                try await status(
                    server.port,
                    PeerHTTP.TLS(
                        authorityFile: stranger.authorityFile, certificateFile: own.certificateFile,
                        keyFile: own.keyFile))
            }
        }
    }

    /// Stands between a client's socket and its TLS. Once the request is sent, TLS hears nothing before the connection has
    /// ended, in one way or another: as where a client goes on sending and does not look.
    private final class Withholding: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundIn = ByteBuffer

        private var withheld: [NIOAny]?

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            // The handshake is much smaller than the request.
            if unwrapOutboundIn(data).readableBytes >= 16 << 10 { withheld = withheld ?? [] }
            context.write(data, promise: promise)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if withheld == nil { context.fireChannelRead(data) } else { withheld?.append(data) }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard case .inputClosed? = event as? ChannelEvent else {
                return context.fireUserInboundEventTriggered(event)
            }
            for data in withheld ?? [] { context.fireChannelRead(data) }
            withheld = nil
            context.fireChannelReadComplete()
            context.close(promise: nil)
        }
    }

    /// What a client of TLS hears that sends a request as soon as it may.
    private final class Eager: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let request: ByteBuffer
        private let errors: EventLoopPromise<[any Error]>
        private var seen: [any Error] = []

        init(_ request: ByteBuffer, _ errors: EventLoopPromise<[any Error]>) {
            self.request = request
            self.errors = errors
        }

        /// TLS keeps it until its handshake is over.
        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(request), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { seen.append(error) }

        func channelInactive(context: ChannelHandlerContext) { errors.succeed(seen) }
    }

    /// Its request is on the way before the server has looked at its certificate: that must not drown the reason.
    @Test func `who has no certificate hears that one is wanted, whatever it has sent meanwhile`() async throws {
        let files = try Files()
        var tls = files.certificate.files
        tls.clientAuthorityFile = files.authorityFile
        let required = tls
        try await RunningServer.with(configure: { $0.tls = required }) { server async throws in
            let context = try NIOSSLContext(configuration: files.certificate.clientConfiguration)
            let request = ByteBuffer(repeating: UInt8(ascii: "a"), count: 256 << 10)
            for _ in 0..<20 {
                let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
                let errors = eventLoop.makePromise(of: [any Error].self)
                let start = ContinuousClock.now
                _ = try await ClientBootstrap(group: eventLoop)
                    .channelOption(.allowRemoteHalfClosure, value: true)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandlers([
                                Withholding(),
                                NIOSSLClientHandler(context: context, serverHostname: "localhost"),
                                Eager(request, errors),
                            ])
                        }
                    }
                    .connect(host: "127.0.0.1", port: server.port).get()
                let seen = try await errors.futureResult.get()
                #expect(seen.contains { "\($0)".contains("CERTIFICATE_REQUIRED") }, "\(seen)")
                #expect(!seen.contains { $0 is IOError }, "\(seen)")
                #expect(ContinuousClock.now - start < .seconds(20))
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
