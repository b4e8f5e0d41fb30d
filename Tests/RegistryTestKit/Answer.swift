internal import NIOCore
internal import NIOHTTP1

/// What a ``TestRegistry`` is going to send, faults included.
struct Answer: Sendable {
    enum Framing: Sendable {
        /// `Content-Length` with the body's true length, or with a lie.
        case length(declared: Int?)
        case chunked
        case closeDelimited
    }

    var status: Int
    var headers: HTTPHeaders
    var body: ByteBuffer
    var framing = Framing.length(declared: nil)
    var isEndless = false
    var truncatedAfterBytes: Int?
    var headGates: [Gate] = []
    var bodyGates: [(afterBytes: Int, gate: Gate)] = []
    var pace: (chunkBytes: Int, gate: Gate)?
    var closesAtOnce = false

    init(_ status: Int, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    init(_ status: Int, json: String, headers: HTTPHeaders = [:]) {
        self.init(status, headers: headers, body: ByteBuffer(string: json))
        self.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
    }

    /// An error envelope as the distribution specification wants it.
    static func error(_ status: Int, _ code: String, _ message: String = "as told") -> Answer {
        Answer(status, json: #"{"errors":[{"code":"\#(code)","message":"\#(message)"}]}"#)
    }

    static let pullLimited = error(
        429, "TOOMANYREQUESTS",
        "You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: "
            + "https://www.docker.com/increase-rate-limit")

    /// The answer as `fault` spoils it.
    mutating func apply(_ injected: InjectedFault, to request: RequestRecord) {
        switch injected.fault {
        case .stallBeforeHead: headGates.append(injected.gate)
        case .stallBody(let bytes): bodyGates.append((bytes, injected.gate))
        case .paced(let bytes): pace = (max(1, bytes), injected.gate)
        case .truncateBody(let bytes): truncatedAfterBytes = bytes
        case .corruptBody: corrupt()
        case .replaceBody(let bytes): body = ByteBuffer(bytes: bytes)
        case .declareLength(let length): framing = .length(declared: length)
        case .chunked: framing = .chunked
        case .closeDelimited: framing = .closeDelimited
        case .endlessBody:
            isEndless = true
            framing = .chunked
        case .html(let status):
            self = keepingGates(
                Answer(
                    status, headers: ["Content-Type": "text/html; charset=utf-8"],
                    body: ByteBuffer(string: "<!DOCTYPE html><html><body>Sign in to the network</body></html>")))
        case .redirect(let target, let status):
            self = keepingGates(Answer(status, headers: ["Location": target]))
        case .redirectSamePath(let base, let status, let query):
            let target = base + request.path + ((query ?? request.query).map { "?" + $0 } ?? "")
            self = keepingGates(Answer(status, headers: ["Location": target]))
        case .status(let status, let headers):
            var answer = Answer.error(status, status == 404 ? "MANIFEST_UNKNOWN" : "UNKNOWN")
            for (name, value) in headers { answer.headers.replaceOrAdd(name: name, value: value) }
            self = keepingGates(answer)
        case .json(let text, let status): self = keepingGates(Answer(status, json: text))
        case .echo(let status):
            let fields = request.headers.map { "\($0.name): \($0.value)" } + [request.query ?? "", request.body]
            self = keepingGates(.error(status, "DENIED", fields.joined(separator: "; ")))
        case .pullLimited(let seconds): self = keepingGates(Self.pullLimited.retryAfter(seconds))
        case .abuseLimited(let seconds):
            self = keepingGates(
                Answer(429, headers: ["Content-Type": "text/plain"], body: ByteBuffer(string: "Too Many Requests"))
                    .retryAfter(seconds))
        case .ignoreRange: break  // The route asks before it cuts the body.
        case .contentRange(let field): headers.replaceOrAdd(name: "Content-Range", value: field)
        case .omitHeader(let name): headers.remove(name: name)
        case .setHeader(let name, let value): headers.replaceOrAdd(name: name, value: value)
        case .closeAtOnce: closesAtOnce = true
        }
    }

    private mutating func corrupt() {
        guard let last = body.getInteger(at: body.writerIndex - 1, as: UInt8.self) else { return }
        body.setInteger(~last, at: body.writerIndex - 1)
    }

    private func keepingGates(_ answer: Answer) -> Answer {
        var answer = answer
        answer.headGates = headGates
        return answer
    }

    func retryAfter(_ seconds: Int?) -> Answer {
        var answer = self
        if let seconds { answer.headers.replaceOrAdd(name: "Retry-After", value: String(seconds)) }
        return answer
    }
}
