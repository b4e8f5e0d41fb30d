internal import OCI

/// Which blobs are being read whole since their file was touched, and who waits for that.
struct RehashTable<Waiter> {
    private var waiters: [Digest: [Waiter]] = [:]

    /// Returns whether the caller is to read the blob: nobody does.
    mutating func begin(_ digest: Digest) -> Bool {
        if waiters[digest] != nil { return false }
        waiters[digest] = []
        return true
    }

    /// Returns false where the reading is over by now, and nothing is to be waited for.
    mutating func wait(for digest: Digest, _ waiter: Waiter) -> Bool {
        guard waiters[digest] != nil else { return false }
        waiters[digest]?.append(waiter)
        return true
    }

    /// Removes and returns everyone who waits.
    mutating func finish(_ digest: Digest) -> [Waiter] { waiters.removeValue(forKey: digest) ?? [] }
}
