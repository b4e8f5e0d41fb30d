internal import AsyncHTTPClient
internal import Foundation
internal import HTTPSemantics
package import Logging
internal import NIOCore
internal import NIOHTTP1
package import Timekeeping

/// Speaks with one API server. Decodes only what is asked for; there is no model of Kubernetes in it.
///
/// Requests that the server turned away for its load are sent again after the time it names. Everything else fails with
/// one ``KubernetesError``.
package final class KubernetesClient: Sendable {
    package struct Limits: Sendable, Hashable {
        /// An answer, in bytes: one page of a list.
        package var answerBytes: Int
        /// One line of a watch, in bytes. The server keeps no object beyond some 1.5 MiB.
        package var lineBytes: Int
        /// From sending a request to its answer's head, and again to its end.
        package var timeout: Duration

        package init(answerBytes: Int = 64 << 20, lineBytes: Int = 8 << 20, timeout: Duration = .seconds(30)) {
            self.answerBytes = answerBytes
            self.lineBytes = lineBytes
            self.timeout = timeout
        }
    }

    /// Waits; tests put something faster in its place.
    package typealias Sleep = @Sendable (Duration) async throws -> Void

    package let connection: ClusterConnection
    let limits: Limits
    let sleep: Sleep
    let logger: Logger
    private let transport: Transport
    private let credentials: CredentialHolder
    private let userAgent: String
    private let clock: any WallClock

    package init(
        _ connection: ClusterConnection, limits: Limits = Limits(), userAgent: String = "weir",
        clock: any WallClock = SystemWallClock(), sleep: @escaping Sleep = { try await Task.sleep(for: $0) },
        logger: Logger
    ) {
        self.connection = connection
        self.limits = limits
        self.userAgent = userAgent
        self.clock = clock
        self.sleep = sleep
        self.logger = logger
        transport = Transport(connection, clock: clock)
        credentials = CredentialHolder(connection, clock: clock)
    }

    /// Closes every connection; requests under way fail.
    package func shutdown() async { await transport.shutdown() }

    // MARK: Sending

    /// Sends a request whose answer is read whole, again where the server asks for that.
    func send(_ request: APIRequest) async throws(KubernetesError) -> [UInt8] {
        var attempt = 1
        var mayRenewCredentials = true
        while true {
            let used = try await credentials.current()
            do throws(KubernetesError) {
                return try await once(request, credentials: used)
            } catch {
                if error.status?.code == 401, mayRenewCredentials {
                    mayRenewCredentials = false
                    if await credentials.refuse(used) { continue }
                }
                let jitter = Double.random(in: 0...1)
                guard let wait = RetryDecision.wait(after: error, attempt: attempt, jitter: jitter) else { throw error }
                attempt += 1
                do { try await sleep(wait) } catch { throw .cancelled }
            }
        }
    }

    private func once(_ request: APIRequest, credentials: Credentials) async throws(KubernetesError) -> [UInt8] {
        try await exchange(request, credentials: credentials) { response in
            let body = try await self.collect(response.body, limitBytes: self.limits.answerBytes)
            try self.check(response, body: body)
            return body
        }
    }

    /// Sends a request once, and hands its answer to `body`, however long that takes.
    /// - Throws: where the server refuses, before `body` is called.
    func stream<Value: Sendable>(
        _ request: APIRequest, _ body: @escaping (HTTPClientResponse) async throws -> Value
    ) async throws(KubernetesError) -> Value {
        let used = try await credentials.current()
        do throws(KubernetesError) {
            return try await exchange(request, credentials: used) { response in
                if response.status.code != 200 {
                    try self.check(response, body: try await self.collect(response.body, limitBytes: 1 << 20))
                }
                return try await body(response)
            }
        } catch {
            if error.status?.code == 401 { _ = await credentials.refuse(used) }
            throw error
        }
    }

    private func exchange<Value>(
        _ request: APIRequest, credentials: Credentials, _ body: (HTTPClientResponse) async throws -> Value
    ) async throws(KubernetesError) -> Value {
        var message = HTTPClientRequest(url: transport.url(request.target))
        message.method = request.method
        message.headers.add(name: "accept", value: request.accept)
        message.headers.add(name: "user-agent", value: userAgent)
        if connection.serverName != nil { message.headers.add(name: "host", value: transport.authority) }
        if let token = credentials.token { message.headers.add(name: "authorization", value: "Bearer \(token)") }
        if let contents = request.body {
            message.headers.add(name: "content-type", value: request.contentType)
            message.body = .bytes(ByteBuffer(bytes: contents))
        }
        do {
            return try await transport.withClient(credentials) { client in
                let response = try await client.execute(
                    message, deadline: .now() + TimeAmount(limits.timeout))
                return try await body(response)
            }
        } catch {
            throw Task.isCancelled ? .cancelled : KubernetesError(transport: error)
        }
    }

    private func check(_ response: HTTPClientResponse, body: [UInt8]) throws(KubernetesError) {
        guard !(200...299).contains(response.status.code) else { return }
        let retryAfter = response.headers.first(name: "retry-after").flatMap {
            RetryAfter.parse($0, now: clock.now().seconds)
        }
        throw .refused(
            KubernetesStatus(
                code: Int(response.status.code), body: try? JSONTree(parsing: body), retryAfter: retryAfter))
    }

    private func collect(_ body: HTTPClientResponse.Body, limitBytes: Int) async throws -> [UInt8] {
        try await within(limits.timeout) {
            var bytes: [UInt8] = []
            for try await piece in body {
                guard bytes.count + piece.readableBytes <= limitBytes else {
                    throw KubernetesError.tooLarge(limitBytes: limitBytes)
                }
                bytes += piece.readableBytesView
            }
            return bytes
        }
    }
}

/// Runs `operation`, and gives it up after `limit`.
func within<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw KubernetesError.timedOut }
        return value
    }
}
