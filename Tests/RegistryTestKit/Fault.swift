/// How an answer goes wrong. Several may apply to one request; they work in the order in which they were injected.
package enum Fault: Sendable {
    /// Nothing is sent until ``InjectedFault/release()``.
    case stallBeforeHead
    /// The body stops after this many bytes until ``InjectedFault/release()``.
    case stallBody(afterBytes: Int)
    /// The connection closes after this many bytes of the body; the head announces all of them.
    case truncateBody(afterBytes: Int)
    /// The body's last byte is another one.
    case corruptBody
    /// Another body, with its own length.
    case replaceBody([UInt8])
    /// `Content-Length` says this; the connection closes after the bytes that there are.
    case declareLength(Int)
    /// No `Content-Length`: chunks.
    case chunked
    /// No `Content-Length`: the body ends where the connection does.
    case closeDelimited
    /// A page with this status.
    case html(status: Int = 200)
    /// Bytes without end, in chunks.
    case endlessBody
    case redirect(to: String, status: Int = 307)
    /// To the same path and query at `base`, such as another registry's ``TestRegistry/url``; at its own, for ever.
    /// - Parameter query: in place of the request's own.
    case redirectSamePath(base: String, status: Int = 307, query: String? = nil)
    /// This in place of the answer.
    case json(String, status: Int = 200)
    /// This status, with an error envelope.
    case status(Int, headers: [String: String] = [:])
    /// This status, with every field and the body of the request in the error's message.
    case echo(status: Int)
    /// 429 with the body of Docker Hub's pull limit.
    case pullLimited(retryAfterSeconds: Int? = nil)
    /// 429 with the bare body of Docker Hub's abuse limit.
    case abuseLimited(retryAfterSeconds: Int? = nil)
    /// 200 with the whole, whatever range was asked for.
    case ignoreRange
    /// This `Content-Range` in place of the right one.
    case contentRange(String)
    /// So many bytes for each ``InjectedFault/tick(_:)``.
    case paced(chunkBytes: Int)
    case omitHeader(String)
    case setHeader(String, String)
    /// The connection closes without an answer.
    case closeAtOnce
}

/// A fault at work. Keep it to release what it holds up, and to take it back.
package final class InjectedFault: Sendable {
    package let fault: Fault
    package let matcher: RequestMatcher
    let gate = Gate()
    private let matchCount = Watched(0)

    init(_ fault: Fault, _ matcher: RequestMatcher) {
        self.fault = fault
        self.matcher = matcher
    }

    /// Lets every held-up request go on, now and later.
    package func release() { gate.open() }

    /// Lets `count` pieces of a paced body go, or `count` stalled requests.
    package func tick(_ count: Int = 1) { gate.admit(count) }

    /// Returns once `count` requests (or pieces, for ``Fault/paced(chunkBytes:)``) have been held up.
    package func waitUntilHolding(_ count: Int = 1) async throws { try await gate.waitForArrivals(count) }

    /// Whether the fault is for this request. Counts it.
    func applies(to request: RequestRecord) -> Bool {
        guard matcher.matches(request) else { return false }
        let number = matchCount.update { count in
            count += 1
            return count
        }
        return matcher.occurrences?.contains(number) ?? true
    }
}
