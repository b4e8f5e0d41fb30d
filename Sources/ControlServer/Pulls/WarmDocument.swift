internal import Synchronization

/// Images that are to be pulled into the cache.
package struct WarmRequest: Codable, Hashable, Sendable {
    package static let concurrencyMax = 64

    package var references: [String]
    /// `os/architecture[/variant]`; empty: all.
    package var platforms: [String]
    /// Images at one time.
    package var concurrency: Int

    package init(references: [String], platforms: [String], concurrency: Int) {
        self.references = references
        self.platforms = platforms
        self.concurrency = concurrency
    }
}

/// How far one image is. The control server sends such a document, on a line, for every change.
package struct WarmDocument: Codable, Hashable, Sendable {
    package enum State: String, Codable, Sendable {
        case waiting, running
        /// Everything is here now.
        case done
        case failed
        /// Not now, for want of pulls: what was not begun costs nothing.
        case deferred

        package var isFinal: Bool { self != .waiting && self != .running }
    }

    /// Its place in the request.
    package var index: Int
    package var reference: String
    package var state: State
    package var digest: String?
    package var pulls = 0
    package var totalBytes: Int64?
    package var presentBytes: Int64 = 0
    package var fetchedBytes: Int64 = 0
    package var blobCount = 0
    package var presentBlobCount = 0
    package var problem: String?
    /// For ``State/deferred``: after how many seconds it may be tried again, where somebody said.
    package var retryAfterSeconds: Int64?

    package init(index: Int, reference: String, state: State = .waiting) {
        self.index = index
        self.reference = reference
        self.state = state
    }
}

/// Where a warming says how far it is, and whoever watches reads what changed: however slow that is, no more waits
/// for it than one document for each image.
package final class WarmBoard: Sendable {
    private struct State {
        var images: [WarmDocument]
        var changed: Set<Int> = []
        var isFinished = false
    }

    private let state: Mutex<State>

    package init(_ request: WarmRequest) {
        let images = request.references.enumerated().map { WarmDocument(index: $0.offset, reference: $0.element) }
        state = Mutex(State(images: images))
    }

    package func update(_ index: Int, _ change: (inout WarmDocument) -> Void) {
        state.withLock { state in
            guard state.images.indices.contains(index) else { return }
            change(&state.images[index])
            state.changed.insert(index)
        }
    }

    package func finish() { state.withLock { $0.isFinished = true } }

    /// What changed since it was asked last, in the request's order, and whether nothing will any more.
    package func take() -> (changed: [WarmDocument], isFinished: Bool) {
        state.withLock { state in
            defer { state.changed = [] }
            return (state.changed.sorted().map { state.images[$0] }, state.isFinished)
        }
    }
}
