internal import MetadataStore
internal import Synchronization

/// Whether the service can answer: it listens, and its catalogue responds in time.
final class Readiness: Sendable {
    private static let catalogueTimeout = Duration.seconds(5)

    private let metadata: any MetadataStore
    private let isListening = Atomic<Bool>(false)

    init(metadata: any MetadataStore) { self.metadata = metadata }

    func beginListening() { isListening.store(true, ordering: .relaxed) }
    func endListening() { isListening.store(false, ordering: .relaxed) }

    /// Nil when it can; else why not, in words.
    func problem() async -> String? {
        guard isListening.load(ordering: .relaxed) else { return "the service is starting or ending" }
        return await withTaskGroup(of: String?.self) { group in
            group.addTask { [metadata] in
                do throws(MetadataStoreError) {
                    _ = try await metadata.repositories(after: nil, limit: 1)
                    return nil
                } catch {
                    return "\(error)"
                }
            }
            group.addTask {
                do { try await Task.sleep(for: Self.catalogueTimeout) } catch { return nil }
                return "the catalogue does not answer in time"
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
