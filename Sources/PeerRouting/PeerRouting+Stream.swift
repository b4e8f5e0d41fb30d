extension PeerRouting {
    /// Peers that have `key`, as they are found, each once.
    ///
    /// The stream ends after `limit` peers, when nobody else is known, or when `time` has passed; whoever stops reading
    /// ends the look-up. It holds at most `limit` peers.
    /// - Throws: from the stream, ``PeerRoutingError`` or what the routing fails with.
    package func peers(
        with key: RoutingKey, limit: Int, within time: Duration
    ) -> AsyncThrowingStream<ContentPeer, any Error> {
        let (stream, continuation) = AsyncThrowingStream.makeStream(
            of: ContentPeer.self, bufferingPolicy: .bufferingOldest(limit))
        // Not structured, as it belongs to whoever reads the stream, and ends with it.
        let task = Task {
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await self.lookUp(key, limit: limit) { continuation.yield($0) } }
                    group.addTask { try await Task.sleep(for: time) }
                    defer { group.cancelAll() }
                    try await group.next()
                }
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }
}
