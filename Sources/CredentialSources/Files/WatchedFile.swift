internal import Credentials
internal import Synchronization
internal import Timekeeping

/// A file whose content follows its changes: looked at when it is asked for, and at most once a second.
final class WatchedFile<Content: Sendable>: Sendable {
    /// - Parameter bytes: the whole file.
    typealias Parse = @Sendable (_ bytes: [UInt8]) throws(CredentialError) -> Content

    private struct Held {
        var content: Content
        var fingerprint: SecretFile.Fingerprint
        var lookedAt: Timestamp
    }

    /// How long after a look the file is not looked at again.
    private let interval: Duration
    private let path: String
    private let limitBytes: Int
    private let clock: any WallClock
    private let parse: Parse
    private let held = Mutex<Held?>(nil)

    init(
        _ path: String, limitBytes: Int = 64 << 10, interval: Duration = .seconds(1), clock: any WallClock,
        parse: @escaping Parse
    ) {
        self.path = path
        self.limitBytes = limitBytes
        self.interval = interval
        self.clock = clock
        self.parse = parse
    }

    /// The content as it is now, or was a second ago.
    /// - Throws: what keeps it from being read; the content before is not taken in its place, since whoever removes a
    ///   secret wants it gone.
    func content() async throws(CredentialError) -> Content {
        let now = clock.now()
        // A clock that was set back must not keep an old content for long.
        if let held = held.withLock(\.self), now >= held.lookedAt, now - held.lookedAt < interval {
            return held.content
        }
        let (path, limitBytes, parse) = (path, limitBytes, parse)
        let old = held.withLock(\.self)
        let new = try await SecretFile.onThread { () throws(CredentialError) -> Held in
            if var old, try SecretFile.fingerprint(path) == old.fingerprint {
                old.lookedAt = now
                return old
            }
            let (bytes, fingerprint) = try SecretFile.load(path, limitBytes: limitBytes)
            return Held(content: try parse(bytes), fingerprint: fingerprint, lookedAt: now)
        }
        held.withLock { held in
            if let current = held, current.lookedAt > new.lookedAt { return }
            held = new
        }
        return new.content
    }

    /// Has the next one who asks look at the file, however lately that was done.
    func forget() { held.withLock { $0 = nil } }
}
