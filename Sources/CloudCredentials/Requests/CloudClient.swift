internal import AsyncHTTPClient
internal import Credentials
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization
package import Timekeeping

/// Asks clouds, and their metadata services; every exchange is bounded in time and bytes, and follows no redirect,
/// since what it shows is for one host. Opens nothing before it is asked.
package final class CloudClient: Sendable {
    private static let answerLimitBytes = 256 << 10

    package let clock: any WallClock
    private let timeLimit: Duration
    private let route: @Sendable (String) -> CloudRoute
    /// One for each proxy, and one without: few, since proxies are those of the configuration.
    private let clients = Mutex<[CloudProxy?: HTTPClient]>([:])

    /// - Parameters:
    ///   - timeLimit: of one exchange.
    ///   - route: how the endpoint at an origin (`https://HOST:PORT`) is reached. Not asked for what is this machine's
    ///     own, as metadata services are.
    package init(
        clock: any WallClock = SystemWallClock(), timeLimit: Duration = .seconds(10),
        route: @escaping @Sendable (String) -> CloudRoute = { _ in .direct }
    ) {
        self.clock = clock
        self.timeLimit = timeLimit
        self.route = route
    }

    deinit {
        // A client that is dropped open is a programming error to its library; one that nobody uses is none to us.
        for client in clients.withLock({ $0.values.map(\.self) }) { client.shutdown { _ in } }
    }

    private func client(for request: CloudRequest) throws(CredentialError) -> HTTPClient {
        let proxy: CloudProxy?
        switch request.isLocal ? .direct : route(request.origin) {
        case .direct: proxy = nil
        case .through(let found): proxy = found
        case .closed(let reason): throw .unavailable(reason: "\(request.host) cannot be reached: \(reason)")
        }
        return clients.withLock { clients in
            if let client = clients[proxy] { return client }
            let client = Self.makeClient(proxy)
            clients[proxy] = client
            return client
        }
    }

    private static func makeClient(_ proxy: CloudProxy?) -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(3)
        configuration.connectionPool.idleTimeout = .seconds(5)
        configuration.httpVersion = .http1Only
        if let proxy {
            configuration.proxy = .server(
                host: proxy.host, port: proxy.port,
                authorization: proxy.username.map { .basic(username: $0, password: proxy.password ?? "") })
        }
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func send(_ request: CloudRequest) async throws(CredentialError) -> CloudAnswer {
        let client = try client(for: request)
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.fields { outgoing.headers.add(name: name, value: value) }
        if request.method == "POST" { outgoing.body = .bytes(request.body) }
        do {
            let deadline = NIODeadline.now() + .nanoseconds(timeLimit.wholeMilliseconds * 1_000_000)
            let response = try await client.execute(outgoing, deadline: deadline)
            let body = try await response.body.collect(upTo: Self.answerLimitBytes)
            return CloudAnswer(
                host: request.host, status: Int(response.status.code), body: Array(body.readableBytesView),
                metadataFlavor: response.headers.first(name: "Metadata-Flavor"))
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout {
            throw .unavailable(reason: "\(request.host) did not answer in time")
        } catch is NIOTooManyBytesError {
            throw .malformed(reason: "\(request.host) answered more than \(Self.answerLimitBytes) bytes")
        } catch {
            throw .unavailable(reason: "\(request.host) cannot be reached")
        }
    }
}

/// A cloud's answer. Never printed whole.
struct CloudAnswer: Sendable, CustomStringConvertible, CustomReflectable {
    let host: String
    let status: Int
    let body: [UInt8]
    let metadataFlavor: String?

    /// - Throws: for any status but 200; `code` finds the API's own word for what is wrong.
    func checked(code: (CloudAnswer) -> String?) throws(CredentialError) -> CloudAnswer {
        guard status != 200 else { return self }
        let word = code(self).map { ", \($0.prefix(64).filter { $0.isASCII && ($0.isLetter || $0 == "_") })" } ?? ""
        let reason = "\(host) answered with status \(status)\(word)"
        // Too many requests, and what is the cloud's own failure, pass.
        let isThrottled = word.contains("Throttling") || word.contains("TooManyRequests")
        if status == 429 || status == 408 || status >= 500 || isThrottled { throw .unavailable(reason: reason) }
        throw .refused(reason: reason)
    }

    func decode<Value: Decodable>(_ type: Value.Type) throws(CredentialError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw .malformed(reason: "the answer of \(host) is not understood")
        }
    }

    /// `error` of RFC 6749, section 5.2.
    var oauthError: String? {
        struct Body: Decodable { var error: String }
        return try? JSONDecoder().decode(Body.self, from: Data(body)).error
    }

    var description: String { "status \(status) from \(host)" }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A token of OAuth 2, as all of these services give it.
struct OAuthToken: Decodable {
    var accessToken: String
    /// Seconds; Azure's metadata services write a text.
    var expiresIn: Double

    enum CodingKeys: String, CodingKey {
        case accessToken = "access_token"
        case expiresIn = "expires_in"
        case expiresOn = "expires_on"
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        accessToken = try fields.decode(String.self, forKey: .accessToken)
        let seconds = Self.number(fields, .expiresIn)
        // App Service gives the moment alone, in seconds since 1970.
        let end = Self.number(fields, .expiresOn).map { $0 - Date().timeIntervalSince1970 }
        let life = seconds ?? end ?? 300
        guard !accessToken.isEmpty, life.isFinite else {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: ""))
        }
        expiresIn = min(max(life, 0), 86_400)
    }

    private static func number(_ fields: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys) -> Double? {
        (try? fields.decode(Double.self, forKey: key))
            ?? (try? fields.decode(String.self, forKey: key)).flatMap { Double($0) }
    }

    /// Fits into a request's head.
    func text(from host: String) throws(CredentialError) -> String {
        guard accessToken.utf8.count <= 32 << 10, accessToken.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .malformed(reason: "the token of \(host) cannot be put into a request")
        }
        return accessToken
    }
}

/// RFC 3339, as clouds write the end of what they give.
enum CloudDate {
    static func parse(_ text: String) -> Timestamp? {
        let date =
            (try? Date(text, strategy: .iso8601))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        return date.flatMap { Int64(exactly: $0.timeIntervalSince1970.rounded(.down)) }.map { Timestamp(seconds: $0) }
    }
}
