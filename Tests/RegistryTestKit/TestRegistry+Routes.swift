internal import NIOCore
internal import NIOHTTP1
internal import OCI

extension TestRegistry {
    /// Logs a request and returns its answer, faults included.
    func answer(
        _ head: HTTPRequestHead, body: String, connection: Int, clientAddress: String
    ) -> (index: Int, answer: Answer) {
        let (request, faults) = state.update { state in
            let request = RequestRecord(
                index: state.log.count, connection: connection, clientAddress: clientAddress, head: head, body: body)
            state.log.append(request)
            return (request, state.faults)
        }
        let applying = faults.filter { $0.applies(to: request) }
        var answer = route(
            request, ignoresRange: applying.contains { if case .ignoreRange = $0.fault { true } else { false } })
        for fault in applying { answer.apply(fault, to: request) }
        return (request.index, answer)
    }

    private func route(_ request: RequestRecord, ignoresRange: Bool) -> Answer {
        let hub = hub
        if let hub, let answer = hub.refusal(of: request, url: url) { return answer }
        if request.kind == .token {
            guard let authority = tokenAuthority else { return .error(404, "UNSUPPORTED") }
            return authority.answer(request)
        }
        if hub == nil, let refusal = refusal(of: request) { return refusal }
        guard ["GET", "HEAD"].contains(request.method) else { return .error(405, "UNSUPPORTED") }
        switch request.kind {
        case .ping: return Answer(200, json: "{}")
        case .manifest:
            let answer = manifest(request)
            return hub?.limited(answer, to: request) ?? answer
        case .blob: return blob(request, ignoresRange: ignoresRange)
        case .tags: return tags(request)
        case .referrers: return referrers(request)
        case .token, .other: return .error(404, "UNSUPPORTED")
        }
    }

    private func refusal(of request: RequestRecord) -> Answer? {
        let challenge: String
        switch access {
        case .open: return nil
        case .basic(let username, let password):
            if let given = basicCredentials(request.headers.first(name: "Authorization")),
                given == (username, password)
            {
                return nil
            }
            challenge = #"Basic realm="test""#
        case .bearer(let authority, let realm):
            var token: String?
            if case .bearer(let text) = request.authorization { token = text }
            guard case .refused(let error) = authority.judge(token, repository: request.repository) else { return nil }
            let scope = request.repository.map { #",scope="repository:\#($0):pull""# } ?? ""
            let reason = error.map { #",error="\#($0)""# } ?? ""
            challenge =
                #"Bearer realm="\#(realm ?? url + "/token")",service="\#(authority.settings.service)""#
                + scope + reason
        }
        var answer = Answer.error(401, "UNAUTHORIZED", "authentication required")
        answer.headers.add(name: "WWW-Authenticate", value: challenge)
        return answer
    }

    private func manifest(_ request: RequestRecord) -> Answer {
        let (content, refusal, limit) = state.update { state in
            let repository = state.repositories[request.repository ?? ""]
            let digest = request.reference.flatMap { repository?.tags[$0] ?? (try? Digest($0)) }
            let refusal = state.hub == nil ? state.rateLimit?.count(method: request.method) : nil
            return (digest.flatMap { repository?.manifests[$0] }, refusal, state.hub == nil ? state.rateLimit : nil)
        }
        var answer: Answer
        if let refusal {
            answer = refusal
        } else if let content {
            answer = Answer(
                200,
                headers: [
                    "Content-Type": content.mediaType.description, "Docker-Content-Digest": "\(content.digest)",
                    "ETag": "\"\(content.digest)\"",
                ], body: content.bytes)
        } else {
            answer = .error(404, "MANIFEST_UNKNOWN")
        }
        limit?.announce(in: &answer.headers)
        return answer
    }

    private func blob(_ request: RequestRecord, ignoresRange: Bool) -> Answer {
        let digest = request.reference.flatMap { try? Digest($0) }
        let found = state.read { state in digest.flatMap { state.repositories[request.repository ?? ""]?.blobs[$0] } }
        guard let blob = found, let digest else { return .error(404, "BLOB_UNKNOWN") }
        let headers: HTTPHeaders = [
            "Content-Type": "application/octet-stream", "Docker-Content-Digest": "\(digest)", "Accept-Ranges": "bytes",
        ]
        let size = blob.readableBytes
        guard let field = request.range, !ignoresRange, let (first, last) = Self.bounds(field, size: size) else {
            return Answer(200, headers: headers, body: blob)
        }
        guard first < size, let part = blob.getSlice(at: blob.readerIndex + first, length: last - first + 1) else {
            return Answer(416, headers: ["Content-Range": "bytes */\(size)"])
        }
        var answer = Answer(206, headers: headers, body: part)
        answer.headers.add(name: "Content-Range", value: "bytes \(first)-\(last)/\(size)")
        return answer
    }

    /// Reads `bytes=A-` and `bytes=A-B`; nil for everything else, which is then ignored.
    private static func bounds(_ field: String, size: Int) -> (first: Int, last: Int)? {
        guard field.hasPrefix("bytes=") else { return nil }
        let sides = field.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard sides.count == 2, let first = Int(sides[0]) else { return nil }
        let last = min(Int(sides[1]) ?? size - 1, size - 1)
        return (first, max(first, last))
    }

    private func tags(_ request: RequestRecord) -> Answer {
        guard let name = request.repository, let repository = state.read({ $0.repositories[name] }) else {
            return .error(404, "NAME_UNKNOWN")
        }
        var tags = repository.tags.keys.sorted()
        if let last = request.queryValue("last") { tags.removeAll { $0 <= last } }
        var headers = HTTPHeaders()
        if let limit = request.queryValue("n").flatMap(Int.init), limit < tags.count {
            tags = Array(tags.prefix(limit))
            if let last = tags.last {
                headers.add(name: "Link", value: "</v2/\(name)/tags/list?n=\(limit)&last=\(last)>; rel=\"next\"")
            }
        }
        let list = tags.map { "\"\($0)\"" }.joined(separator: ",")
        return Answer(200, json: #"{"name":"\#(name)","tags":[\#(list)]}"#, headers: headers)
    }

    private func referrers(_ request: RequestRecord) -> Answer {
        guard supportsReferrers, let subject = request.reference.flatMap({ try? Digest($0) }) else {
            return .error(404, "UNSUPPORTED")
        }
        var listed = state.read { $0.repositories[request.repository ?? ""]?.referrers[subject] ?? [] }
        var headers: HTTPHeaders = ["Content-Type": MediaType.ociIndex.description]
        if let type = request.queryValue("artifactType") {
            listed.removeAll { $0.artifactType != type }
            headers.add(name: "OCI-Filters-Applied", value: "artifactType")
        }
        let manifests = listed.map(\.descriptor).joined(separator: ",")
        return Answer(
            200, headers: headers,
            body: ByteBuffer(
                string: #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[\#(manifests)]}"#))
    }
}
