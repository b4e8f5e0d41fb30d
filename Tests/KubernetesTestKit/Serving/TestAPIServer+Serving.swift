internal import KubernetesClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import RegistryTestKit
internal import SwiftASN1
internal import X509

extension TestAPIServer {
    /// The real server's bound.
    private static let bodyLimitBytes = 3 << 20

    /// Answers one request after the other until either side closes.
    func serve(_ connection: NIOAsyncChannel<HTTPServerRequestPart, ByteBuffer>, id: Int) async {
        // What fails here is the connection, and the client sees that.
        try? await connection.executeThenClose { inbound, _ in
            var head: HTTPRequestHead?
            var body = ByteBuffer()
            for try await part in inbound {
                switch part {
                case .head(let received):
                    head = received
                    body.clear()
                case .body(var bytes):
                    guard body.readableBytes + bytes.readableBytes <= Self.bodyLimitBytes else { return }
                    body.writeBuffer(&bytes)
                case .end:
                    guard let request = head else { return }
                    try await answer(request, body: Array(body.readableBytesView), connection.channel, id: id)
                    if request.headers["connection"].contains("close") { return }
                }
            }
        }
    }

    private func answer(
        _ request: HTTPRequestHead, body: [UInt8], _ channel: any Channel, id: Int
    ) async throws {
        guard let call = APICall(method: request.method.rawValue, target: request.uri, kinds: Self.kinds) else {
            return try await write(404, ByteBuffer(string: "404 page not found\n"), type: "text/plain", channel)
        }
        let account = await identify(request, channel)
        let index = note(call, user: account?.name ?? "system:anonymous", request)
        do throws(APIStatus) {
            guard let account else {
                throw APIStatus(401, "Unauthorized", "Unauthorized")
            }
            if let refusal = takeRefusal(call) { throw refusal }
            guard account.allows(call) else {
                let name = call.name.map { " \"\($0)\"" } ?? ""
                throw APIStatus(
                    403, "Forbidden",
                    "\(call.kind.plural)\(name) is forbidden: User \"\(account.name)\" cannot \(call.verb.rawValue) resource "
                        + "\"\(call.kind.plural)\" in API group \"\(call.kind.group)\" "
                        + (call.namespace.map { "in the namespace \"\($0)\"" } ?? "at the cluster scope"))
            }
            if call.verb == .watch {
                let start = try beginWatch(call)
                state.update { $0.log[index].status = 200 }
                do { try await stream(call, from: start, channel, id: id) } catch {
                    channel.close(promise: nil)
                }
                return
            }
            let (status, answer) = try perform(call, body: body, request)
            state.update { $0.log[index].status = status }
            try? await write(status, ByteBuffer(bytes: answer.bytes), channel)
        } catch {
            state.update { $0.log[index].status = error.code }
            try? await write(
                error.code, ByteBuffer(bytes: error.body.bytes), channel, retryAfter: error.retryAfterSeconds)
        }
    }

    private func note(_ call: APICall, user: String, _ request: HTTPRequestHead) -> Int {
        state.update { state in
            state.log.append(
                Record(
                    verb: call.verb.rawValue, plural: call.kind.plural, namespace: call.namespace, name: call.name,
                    user: user, query: call.query, contentType: request.headers.first(name: "content-type"),
                    acceptEncoding: request.headers.first(name: "accept-encoding"), status: 0))
            return state.log.count - 1
        }
    }

    private func takeRefusal(_ call: APICall) -> APIStatus? {
        state.update { state in
            let index = state.refusals.firstIndex { refusal in
                refusal.count > 0 && refusal.verb.map { $0 == call.verb.rawValue } ?? true
                    && refusal.plural.map { $0 == call.kind.plural } ?? true
            }
            guard let index else { return nil }
            state.refusals[index].count -= 1
            return state.refusals[index].status
        }
    }

    /// A certificate first, then a token, as the real server tries them; nil where neither is known.
    private func identify(_ request: HTTPRequestHead, _ channel: any Channel) async -> Account? {
        if certificates != nil, let name = await commonName(channel),
            let account = state.read({ $0.certificates[name] })
        {
            return account
        }
        guard let field = request.headers.first(name: "authorization") else {
            // As `kubectl proxy` does it: who reaches it may do everything.
            return certificates == nil ? Account("system:admin") : nil
        }
        guard field.hasPrefix("Bearer ") else { return nil }
        return state.read { $0.tokens[String(field.dropFirst("Bearer ".count))] }
    }

    private func commonName(_ channel: any Channel) async -> String? {
        guard let certificate = try? await channel.nioSSL_peerCertificate().get(),
            let bytes = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: bytes)
        else { return nil }
        for part in parsed.subject {
            for attribute in part where attribute.type == .RDNAttributeType.commonName {
                return String(attribute.value)
            }
        }
        return nil
    }

    func write(
        _ status: Int, _ body: ByteBuffer, type: String = "application/json", _ channel: any Channel,
        retryAfter: Int? = nil
    ) async throws {
        var text = "HTTP/1.1 \(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\r\n"
        text += "Content-Type: \(type)\r\nContent-Length: \(body.readableBytes)\r\n"
        if let retryAfter { text += "Retry-After: \(retryAfter)\r\n" }
        var answer = ByteBuffer(string: text + "\r\n")
        answer.writeImmutableBuffer(body)
        try await channel.writeAndFlush(answer).get()
    }
}
