internal import AsyncHTTPClient
internal import HTTPFailures
package import Logging
internal import NIOCore
internal import NIOHTTP1
package import PeerGrants

/// Asks the central Weir for this node's grant, and again before it expires.
package struct GrantRenewal: Sendable {
    private let grants: PeerGrants
    private let central: String
    private let token: String?
    private let client: PeerHTTPClient
    private let logger: Logger

    /// - Parameters:
    ///   - central: `https://weir.example:5000`.
    ///   - token: what this node is known by, beside its identity.
    package init(grants: PeerGrants, central: String, token: String?, client: PeerHTTPClient, logger: Logger) {
        self.grants = grants
        self.central = central
        self.token = token
        self.client = client
        self.logger = logger
    }

    /// Goes on until it is cancelled.
    package func run() async {
        var pause = Self.pauseMin
        var isSaid = false
        while !Task.isCancelled {
            do throws(GrantRenewalError) {
                try await renew()
                if isSaid { logger.info("the central Weir grants again") }
                (pause, isSaid) = (Self.pauseMin, false)
                try? await Task.sleep(for: .seconds(grants.renewalSeconds ?? 1))
                continue
            } catch {
                guard !Task.isCancelled else { return }
                // Said once, and not at every attempt.
                if !isSaid {
                    logger.warning("the central Weir grants nothing", metadata: ["reason": "\(error)"])
                    isSaid = true
                }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, Self.pauseMax)
        }
    }

    /// Asks once.
    package func renew() async throws(GrantRenewalError) {
        var request = HTTPClientRequest(url: central + GrantAnswer.path)
        let bytes: ByteBuffer
        let proof: String
        do { proof = try grants.proofForCentral() } catch { throw .refused(error) }
        request.headers.add(name: PeerCredential.proofField, value: proof)
        request.headers.add(name: "User-Agent", value: "weir")
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        do {
            let response = try await client.execute(request, timeout: Self.timeLimit)
            guard response.status == .ok else { throw GrantRenewalError.status(Int(response.status.code)) }
            bytes = try await response.body.collect(upTo: GrantAnswer.limitBytes)
        } catch let error as GrantRenewalError {
            throw error
        } catch {
            throw .unreachable("\(HTTPFailure(error))")
        }
        do throws(GrantError) {
            try grants.take(try GrantAnswer(Array(bytes.readableBytesView)))
        } catch {
            throw .refused(error)
        }
    }

    private static let pauseMin = Duration.seconds(1)
    private static let pauseMax = Duration.seconds(30)
    private static let timeLimit = TimeAmount.seconds(20)
}

/// Why there is no new grant.
package enum GrantRenewalError: Error, Hashable, CustomStringConvertible {
    case unreachable(String)
    case status(Int)
    case refused(GrantError)

    package var description: String {
        switch self {
        case .unreachable(let reason): "no answer: \(reason)"
        case .status(401): "it does not take this node's proof; do the clocks agree?"
        case .status(403): "it knows neither this node's token nor its identity"
        case .status(404): "it has no grants configured"
        case .status(let status): "it answered \(status)"
        case .refused(let error): "its answer does not count: \(error)"
        }
    }
}
