internal import KubernetesClient
internal import NIOCore
internal import RegistryTestKit

extension TestAPIServer {
    /// From where a watch tells changes.
    struct WatchStart {
        var revision: Int64
        /// Told first as additions: where the client named no version.
        var initial: [JSONTree]
        var selector: @Sendable (JSONTree) -> Bool
    }

    func beginWatch(_ call: APICall) throws(APIStatus) -> WatchStart {
        let selector = try call.selector()
        let result: Result<WatchStart, APIStatus> = state.update { state in
            Result { () throws(APIStatus) in
                let text = call.query["resourceVersion"] ?? ""
                if text.isEmpty || text == "0" {
                    let page = try state.store.page(
                        call.kind, namespace: call.namespace, limit: nil, continueToken: nil, selector)
                    return WatchStart(revision: page.revision, initial: page.items, selector: selector)
                }
                guard call.query["resourceVersionMatch"] == nil else {
                    throw .badRequest(
                        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
                }
                guard let version = state.store.revision(of: text) else {
                    throw APIStatus(400, "BadRequest", "Invalid value: \"\(text)\": resourceVersion")
                }
                guard version <= state.store.revision else {
                    throw APIStatus(504, "Timeout", "Too large resource version", retryAfterSeconds: 1)
                }
                return WatchStart(revision: version, initial: [], selector: selector)
            }
        }
        return try result.get()
    }

    /// Streams until the time that the client asked for is over, or either side closes.
    func stream(_ call: APICall, from start: WatchStart, _ channel: any Channel, id: Int) async throws {
        try await channel.writeAndFlush(
            ByteBuffer(
                string: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        ).get()
        var cursor = start.revision
        var bookmarks = state.update { state in
            state.watches[id] = call.kind.plural
            return state.bookmarks
        }
        defer { state.update { $0.watches[id] = nil } }
        for object in start.initial { try await send(Self.line("ADDED", object, call.kind), channel) }
        let seconds = call.query["timeoutSeconds"].flatMap { Int64($0) } ?? 1800
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            let left = end - ContinuousClock.now
            let (seen, known) = (cursor, bookmarks)
            do {
                try await state.wait(
                    for: "a change", timeout: .milliseconds(max(1, Int64(left / .milliseconds(1))))
                ) { state in
                    !state.stallsWatches
                        && (state.store.revision > seen || state.bookmarks > known || !state.rawLines.isEmpty)
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                break
            }
            let (lines, isOver) = take(call, start, &cursor, &bookmarks)
            for line in lines { try await send(line, channel) }
            if isOver { break }
        }
        if state.read({ $0.stallsWatches }) {
            // Not even the end is told.
            try await state.wait(for: "the stall to end", timeout: .minutes(2)) { !$0.stallsWatches }
        }
        try await channel.writeAndFlush(ByteBuffer(string: "0\r\n\r\n")).get()
    }

    private func take(
        _ call: APICall, _ start: WatchStart, _ cursor: inout Int64, _ bookmarks: inout Int
    ) -> (lines: [String], isOver: Bool) {
        let (from, known) = (cursor, bookmarks)
        let result = state.update { state -> (lines: [String], isOver: Bool, cursor: Int64, bookmarks: Int) in
            var lines = state.rawLines
            state.rawLines = []
            do throws(APIStatus) {
                for change in try state.store.changes(after: from) {
                    guard let line = Self.line(change, call, start.selector) else { continue }
                    lines.append(line)
                }
            } catch {
                lines.append((["type": "ERROR", "object": error.body] as JSONTree).text + "\n")
                return (lines, true, from, state.bookmarks)
            }
            if state.bookmarks > known {
                var object: JSONTree = [
                    "kind": .string(call.kind.kind), "apiVersion": .string(call.kind.apiVersion),
                    "metadata": [
                        "resourceVersion": .string(state.store.version(state.store.revision)),
                        "creationTimestamp": .null,
                    ],
                ]
                // The real one writes an object of the kind with nothing in it.
                if call.kind == .pods {
                    object["spec"] = ["containers": .null]
                    object["status"] = [:]
                }
                if call.query["allowWatchBookmarks"] == "true" {
                    lines.append((["type": "BOOKMARK", "object": object] as JSONTree).text + "\n")
                }
            }
            return (lines, false, state.store.revision, state.bookmarks)
        }
        cursor = result.cursor
        bookmarks = result.bookmarks
        return (result.lines, result.isOver)
    }

    /// A change as a watch with this selector sees it: what comes into it is added, what leaves it is deleted.
    private static func line(
        _ change: ObjectStore.Change, _ call: APICall, _ selector: (JSONTree) -> Bool
    ) -> String? {
        guard change.key.plural == call.kind.plural,
            call.namespace == nil || change.key.namespace == call.namespace
        else { return nil }
        let was = change.previous.map(selector) ?? false
        let isNow = change.kind != .deleted && selector(change.object)
        switch (was, isNow) {
        case (false, false): return nil
        case (false, true): return line("ADDED", change.object, call.kind)
        case (true, true): return line("MODIFIED", change.object, call.kind)
        case (true, false): return line("DELETED", change.object, call.kind)
        }
    }

    private static func line(_ type: String, _ object: JSONTree, _ kind: ResourceKind) -> String {
        var object = object
        object["apiVersion"] = .string(kind.apiVersion)
        object["kind"] = .string(kind.kind)
        return (["type": .string(type), "object": object] as JSONTree).text + "\n"
    }

    private func send(_ line: String, _ channel: any Channel) async throws {
        let bytes = Array(line.utf8)
        let size = state.read { $0.chunkBytes } ?? bytes.count
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(max(1, size))
            rest = rest.dropFirst(piece.count)
            var chunk = ByteBuffer(string: String(piece.count, radix: 16) + "\r\n")
            chunk.writeBytes(piece)
            chunk.writeString("\r\n")
            try await channel.writeAndFlush(chunk).get()
        }
    }
}
