/// One request and its answer, while they last. A reference, since it is looked at from many places and its parts are
/// many: belongs to its connection's event loop.
final class Exchange {
    /// Tells a result that comes late from one that is still wanted.
    let id: UInt64
    var pending: PendingRequest
    var kind = RequestKind.other
    /// What is being sent, once it is known.
    var answer: Answer?
    var isHeadWritten = false
    /// Whether the body is sent in chunks, its length not being known.
    var isChunked = false
    /// Of the body.
    var bytesSent: Int64 = 0
    /// What works on the answer.
    var task: Task<Void, Never>?

    init(id: UInt64, pending: PendingRequest) {
        self.id = id
        self.pending = pending
    }
}
