internal import BlobStore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A call to the system that failed, before it is decided what that means for the store.
struct SystemFailure: Error, Hashable {
    let call: String
    /// `errno`.
    let code: CInt

    /// Calls `body` again as long as a signal interrupts it.
    @discardableResult
    static func check<Value: FixedWidthInteger & SignedInteger>(
        _ call: String, _ body: () -> Value
    ) throws(SystemFailure) -> Value {
        while true {
            let value = body()
            if value >= 0 { return value }
            let code = errno
            if code != EINTR { throw SystemFailure(call: call, code: code) }
        }
    }

    var isAbsence: Bool { code == ENOENT || code == ENOTDIR }

    /// No space, no inodes, or a quota reached.
    var isLackOfRoom: Bool { code == ENOSPC || code == EDQUOT }

    /// The file system, or the permissions, forbid it.
    var isRefusal: Bool { code == EROFS || code == EACCES || code == EPERM }

    /// The failure of a call that changes the store.
    var writing: BlobStoreError {
        if isLackOfRoom { return .full }
        if isRefusal { return .readOnly }
        return .system(call: call, errno: code)
    }

    /// The failure of a call that only looks.
    var reading: BlobStoreError { .system(call: call, errno: code) }
}

/// Runs calls that change the store, with failures translated.
func writing<Value>(_ body: () throws(SystemFailure) -> Value) throws(BlobStoreError) -> Value {
    do { return try body() } catch { throw error.writing }
}

/// Runs calls that only look at the store, with failures translated.
func reading<Value>(_ body: () throws(SystemFailure) -> Value) throws(BlobStoreError) -> Value {
    do { return try body() } catch { throw error.reading }
}
