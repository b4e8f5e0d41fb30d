internal import ImageRewriting
internal import Synchronization

/// What the rules make of images that were seen lately: a cluster starts the same few images over and over.
final class RewritingMemory: Sendable {
    private struct Key: Hashable {
        var image: String
        var context: RewriteContext
    }

    private struct State {
        var generation: UInt64 = 0
        var entries: [Key: Rewriting] = [:]
    }

    /// An entry is about 1 KiB. Full, it begins anew: that costs one evaluation of each image that is in use.
    private static let limit = 4096

    private let state = Mutex(State())

    /// - Parameter generation: of the rules; an answer of others is not used.
    func rewriting(
        of image: String, in context: RewriteContext, by rewriter: ImageRewriter, generation: UInt64
    ) -> Rewriting {
        let key = Key(image: image, context: rewriter.needsContext ? context : RewriteContext())
        let known = state.withLock { state in state.generation == generation ? state.entries[key] : nil }
        if let known { return known }
        let rewriting = rewriter.rewriting(of: image, in: context)
        // What no registry's limits allow is not kept either.
        guard image.utf8.count <= 1024 else { return rewriting }
        state.withLock { state in
            if state.generation != generation || state.entries.count >= Self.limit {
                state.generation = generation
                state.entries.removeAll(keepingCapacity: true)
            }
            state.entries[key] = rewriting
        }
        return rewriting
    }
}
