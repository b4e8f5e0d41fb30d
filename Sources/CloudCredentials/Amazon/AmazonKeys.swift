internal import Timekeeping

/// What requests to Amazon are signed with. Never printed.
struct AmazonKeys: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    var identifier: String
    var secret: String
    /// With keys that are good for a time alone.
    var sessionToken: String?
    var expiresAt: Timestamp?

    var description: String { "keys of Amazon" }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}
