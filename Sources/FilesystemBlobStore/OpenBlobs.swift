internal import OCI
internal import Synchronization

/// Files of blobs that were read lately, kept open so that a hit opens none.
///
/// A file that is kept open keeps its space when it is removed: what the store removes leaves here first, and what
/// somebody else removed is found out when it is next asked for.
final class OpenBlobs: Sendable {
    private struct Entry: Sendable {
        let reader: FileReader
        let file: OpenFile
        var lastUse: UInt64
    }

    private struct State: Sendable {
        var entries: [Digest: Entry] = [:]
        var useCount: UInt64 = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: files kept open.
    init(limit: Int = 128) { self.limit = limit }

    /// The reader of a blob's file, if that is here, still has its name, and was not touched since it was committed.
    func reader(of digest: Digest) -> FileReader? {
        let entry = state.withLock { state -> Entry? in
            guard let entry = state.entries[digest] else { return nil }
            state.useCount += 1
            state.entries[digest]?.lastUse = state.useCount
            return entry
        }
        guard let entry else { return nil }
        // The file is open: its status is in memory.
        guard let status = try? entry.file.status(), status.linkCount > 0, status.size == entry.reader.size,
            Seal(digest: digest, size: status.size).isIntact(status)
        else {
            remove(digest)
            return nil
        }
        return entry.reader
    }

    /// Takes a sealed file in.
    func insert(_ reader: FileReader, _ file: OpenFile, for digest: Digest) {
        let dropped = state.withLock { state -> Entry? in
            state.useCount += 1
            let old = state.entries.updateValue(
                Entry(reader: reader, file: file, lastUse: state.useCount), forKey: digest)
            guard old == nil, state.entries.count > limit,
                let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
            else { return old }
            return state.entries.removeValue(forKey: oldest)
        }
        // Closed outside of the lock, unless somebody reads it still.
        withExtendedLifetime(dropped) {}
    }

    func remove(_ digest: Digest) {
        let dropped = state.withLock { $0.entries.removeValue(forKey: digest) }
        withExtendedLifetime(dropped) {}
    }
}
