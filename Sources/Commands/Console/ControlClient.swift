internal import AsyncHTTPClient
internal import ControlServer
internal import HTTPSemantics
internal import NIOCore
internal import NIOHTTP1

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Speaks with the running service over its control socket.
struct ControlClient: Sendable {
    /// Bytes read of an answer at the most: the pins of a large installation.
    private static let answerLimitBytes = 64 << 20

    let socket: String
    /// What would listen there.
    var service = "weir serve"

    enum Method: String { case get = "GET", post = "POST", put = "PUT", delete = "DELETE" }

    /// - Parameter timeout: for the whole exchange.
    /// - Throws: ``CommandFailure``, with the exit code that fits.
    func request<Document: Decodable & Sendable>(
        _ method: Method, _ path: String, query: [(String, String)] = [], timeout: Duration = .seconds(30),
        as type: Document.Type = Document.self
    ) async throws(CommandFailure) -> Document {
        let (status, bytes) = try await exchange(method, path, query: query, body: nil, timeout: timeout)
        return try understood(status: status, bytes, as: type)
    }

    /// What the running service knows of its cluster; nil where none runs, or it follows none.
    func clusterIfFollowed() async throws(CommandFailure) -> ClusterDocument? {
        do throws(CommandFailure) {
            return try await request(.get, "/v1/cluster", timeout: .seconds(600), as: ClusterDocument.self)
        } catch {
            guard error.code == .notRunning || error.code == .notFound else { throw error }
            return nil
        }
    }

    func understood<Document: Decodable>(
        status: Int, _ bytes: [UInt8], as type: Document.Type
    ) throws(CommandFailure) -> Document {
        guard (200...299).contains(status) else { throw failure(status: status, bytes: bytes) }
        do { return try ControlJSON.decode(type, from: bytes) } catch { throw Self.nonsense }
    }

    static let nonsense = CommandFailure(
        .failure, "the service's answer is not understood; is it of another version than this command?")

    func exchange(
        _ method: Method, _ path: String, query: [(String, String)], body: [UInt8]?, timeout: Duration
    ) async throws(CommandFailure) -> (status: Int, bytes: [UInt8]) {
        let response = try await open(method, path, query: query, body: body, timeout: timeout)
        return (Int(response.status.code), try await collected(response))
    }

    /// Waits for the head of the answer.
    func open(
        _ method: Method, _ path: String, query: [(String, String)], body: [UInt8]?, timeout: Duration
    ) async throws(CommandFailure) -> HTTPClientResponse {
        try checkReachable()
        let query = formEncoded(query.map { (name: $0.0, value: $0.1) })
        let url = "http+unix://\(percentEncoded(socket))\(path)\(query.isEmpty ? "" : "?\(query)")"
        var request = HTTPClientRequest(url: url)
        request.method = .init(rawValue: method.rawValue)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        do {
            return try await HTTPClient.shared.execute(
                request, timeout: .nanoseconds(timeout.components.seconds * 1_000_000_000))
        } catch {
            throw broken(error)
        }
    }

    func collected(_ response: HTTPClientResponse) async throws(CommandFailure) -> [UInt8] {
        do {
            let body = try await response.body.collect(upTo: Self.answerLimitBytes)
            return Array(body.readableBytesView)
        } catch {
            throw broken(error)
        }
    }

    func failure(status: Int, bytes: [UInt8]) -> CommandFailure {
        guard let document = try? ControlJSON.decode(ErrorDocument.self, from: bytes) else {
            return CommandFailure(.failure, "the service answered with status \(status)")
        }
        let code: CommandFailure.Code =
            switch document.error.code.flatMap(ControlError.Kind.init(rawValue:)) {
            case .badRequest, .invalidConfiguration: .usage
            case .notFound: .notFound
            case .upstream, .failed, nil: .failure
            }
        return CommandFailure(code, document.error.message)
    }

    /// Throws where nobody answers. Asked first, since the HTTP client would go on trying until its time is over.
    private func checkReachable() throws(CommandFailure) {
        let advice = "start '\(service)', or name its socket with --socket"
        switch ControlSocket.connectFailure(socket) {
        case nil, EAGAIN, EINPROGRESS: return
        case ENOENT, ENOTDIR:
            throw CommandFailure(.notRunning, "no service is running: there is no control socket \(socket); \(advice)")
        case ECONNREFUSED:
            throw CommandFailure(
                .notRunning, "no service is running: nobody answers on the control socket \(socket); \(advice)")
        case EACCES, EPERM:
            throw CommandFailure(
                .failure, "this user may not use the control socket \(socket); run the command as the service's user")
        case let code?:
            throw CommandFailure(.failure, "the control socket \(socket) cannot be used (error \(code))")
        }
    }

    func broken(_ error: any Error) -> CommandFailure {
        switch error as? HTTPClientError {
        case .deadlineExceeded, .readTimeout, .connectTimeout:
            CommandFailure(.failure, "the service did not answer in time on \(socket)")
        default: CommandFailure(.failure, "the service broke off its answer on \(socket)")
        }
    }
}
