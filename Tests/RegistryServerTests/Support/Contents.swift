import BlobStore
import Foundation
import NIOCore
import OCI
import PullThroughCache
import Synchronization

/// A blob that is whole in memory.
struct MemoryContent: BlobContent {
    let bytes: [UInt8]

    func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
        guard offset < bytes.count else { return nil }
        return .bytes(ByteBuffer(bytes: bytes[Int(offset)..<min(Int(limit), bytes.count)]))
    }
}

/// A blob in a file, of which the last reference removes the file.
final class FileReader: BlobReader {
    let size: Int64
    private let descriptor: CInt
    private let path: String
    /// Whether ``fileDescriptor`` is given out.
    private let showsDescriptor: Bool

    init(_ bytes: [UInt8], showsDescriptor: Bool = true) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("blob-\(UUID())").path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        descriptor = open(path, O_RDWR)
        size = Int64(bytes.count)
        self.showsDescriptor = showsDescriptor
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    var fileDescriptor: CInt? { showsDescriptor ? descriptor : nil }

    /// Whether the descriptor is still this file's: nobody else closed it.
    var isOpen: Bool { fcntl(descriptor, F_GETFD) != -1 }

    func truncate(to size: Int) { ftruncate(descriptor, size) }

    func read(at offset: Int64, length: Int) async throws(BlobStoreError) -> ByteBuffer {
        var bytes = [UInt8](repeating: 0, count: length)
        let count = pread(descriptor, &bytes, length, off_t(offset))
        guard count >= 0 else { throw .system(call: "pread", errno: errno) }
        return ByteBuffer(bytes: bytes[..<count])
    }
}

/// A committed blob as a store would give it.
struct StoredContent: BlobContent {
    let reader: FileReader

    func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
        offset < reader.size ? .stored(reader, offset..<min(limit, reader.size)) : nil
    }
}

/// A blob that arrives while it is read.
final class GrowingContent: BlobContent {
    private struct State {
        var bytes: [UInt8] = []
        var end: Result<Void, any Error>?
        var waiting: [UUID: CheckedContinuation<Void, Never>] = [:]
        var cancellations = 0
        var reads = 0
    }

    private let state = Mutex(State())

    /// Readers that gave up waiting.
    var cancellations: Int { state.withLock { $0.cancellations } }
    var reads: Int { state.withLock { $0.reads } }

    func append(_ bytes: [UInt8]) { change { $0.bytes += bytes } }
    func finish() { change { $0.end = .success(()) } }
    func fail(_ error: any Error) { change { $0.end = .failure(error) } }

    private func change(_ body: (inout State) -> Void) {
        let waiting = state.withLock { state in
            body(&state)
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
        state.withLock { $0.reads += 1 }
        while true {
            try Task.checkCancellation()
            let found: BlobPiece?? = try state.withLock { state in
                if offset < state.bytes.count {
                    return .bytes(ByteBuffer(bytes: state.bytes[Int(offset)..<min(Int(limit), state.bytes.count)]))
                }
                guard let end = state.end else { return nil }
                try end.get()
                return .some(nil)
            }
            if let found { return found }
            await wait(beyond: Int(offset))
        }
    }

    private func wait(beyond count: Int) async {
        let id = UUID()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.bytes.count > count || state.end != nil || Task.isCancelled { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                state.cancellations += 1
                return state.waiting.removeValue(forKey: id)
            }
            continuation?.resume()
        }
    }
}

/// Holds its callers until it is opened.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var arrivals = 0
        var cancellations = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var arrivals: Int { state.withLock { $0.arrivals } }
    var cancellations: Int { state.withLock { $0.cancellations } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when the gate is opened or the caller is cancelled.
    func pass() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    state.arrivals += 1
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiting.append(continuation)
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.cancellations += 1 }
            open()
        }
    }
}

/// Waits until `condition` holds, looking every millisecond so that the machine is left to those who bring it about.
/// Tests are bounded by their time limit.
func until(_ condition: () -> Bool) async throws {
    while !condition() {
        try await Task.sleep(for: .milliseconds(1))
    }
}

/// Bytes that are different everywhere, so that no two pieces can be mistaken for each other.
func pattern(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    var bytes = [UInt8]()
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        withUnsafeBytes(of: state) { bytes.append(contentsOf: $0) }
    }
    return Array(bytes.prefix(count))
}
