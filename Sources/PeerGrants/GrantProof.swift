internal import Crypto
package import LibP2P

/// Shows that a request is a node's own: signed with the key of its identity, for this request and this moment alone.
///
/// As a word: `NODE.SECONDS.NONCE.SIGNATURE`.
package struct GrantProof: Sendable, Hashable {
    /// What a proof is made for. Whoever is shown it can use it for nothing else.
    package struct Statement: Sendable, Hashable {
        /// Who is asked: a peer ID, or ``central``.
        package var audience: String
        /// `GET` or `HEAD`.
        package var method: String
        /// Path and query, as they are sent.
        package var target: String
        /// The grant that is shown with it; empty for none.
        package var grant: String

        package init(audience: String, method: String, target: String, grant: String) {
            self.audience = audience
            self.method = method
            self.target = target
            self.grant = grant
        }

        /// The audience of a proof for the central Weir.
        package static let central = "central"

        fileprivate func message(seconds: Int64, nonce: [UInt8]) -> [UInt8] {
            var bytes = Array("weir proof 1\0\(audience)\0\(method)\0\(target)\0\(seconds)\0".utf8)
            bytes += nonce
            bytes += SHA256.hash(data: Array(grant.utf8))
            return bytes
        }
    }

    package let node: PeerID
    /// Since 1970.
    package let seconds: Int64
    let nonce: [UInt8]
    private let signature: [UInt8]

    /// - Throws: ``GrantError/unsigned``.
    package static func make(
        by identity: Identity, for statement: Statement, now: Int64
    ) throws(GrantError) -> String {
        var generator = SystemRandomNumberGenerator()
        var nonce: [UInt8] = []
        for _ in 0..<(nonceLength / 8) { withUnsafeBytes(of: generator.next()) { nonce += $0 } }
        let signature: [UInt8]
        do {
            signature = try identity.sign(statement.message(seconds: now, nonce: nonce))
        } catch {
            throw .unsigned
        }
        return "\(identity.peerID).\(now).\(Base64URL.encoded(nonce)).\(Base64URL.encoded(signature))"
    }

    package init(_ text: String) throws(GrantError) {
        guard text.utf8.count <= Self.limitBytes else { throw .tooLarge }
        let parts = text.split(separator: ".", maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4, let node = try? PeerID(parts[0]), let seconds = Int64(parts[1]), seconds >= 0,
            let nonce = Base64URL.decoded(parts[2]), nonce.count == Self.nonceLength,
            let signature = Base64URL.decoded(parts[3]), signature.count == 64
        else { throw .malformed }
        self.node = node
        self.seconds = seconds
        self.nonce = nonce
        self.signature = signature
    }

    /// That the same proof was not seen before is another question: ``ReplayWindow``.
    package func check(_ statement: Statement, now: Int64, skew: Int64) throws(GrantError) {
        // Both are seconds since 1970 and not negative.
        guard abs(now - seconds) <= skew else { throw .outOfTime }
        guard let key = node.containedKey, key.kind == .ed25519,
            key.isValid(signature: signature, of: statement.message(seconds: seconds, nonce: nonce))
        else { throw .wrongSignature }
    }

    private static let nonceLength = 16
    private static let limitBytes = 512
}

extension PeerID {
    /// The key, where the ID holds it whole, as with Ed25519.
    fileprivate var containedKey: PublicKey? {
        guard bytes.first == 0x00 else { return nil }
        return try? PublicKey(protobuf: bytes.dropFirst(2))
    }
}

/// The proofs of the last minutes, so that none counts twice.
struct ReplayWindow: Sendable {
    private struct Mark: Hashable {
        let node: PeerID
        let nonce: [UInt8]
    }

    /// How long a proof counts at the longest, in seconds: one that is `skew` of the future lasts twice as long.
    private let span: Int64
    private let limit: Int
    private var current: Set<Mark> = []
    private var previous: Set<Mark> = []
    private var startedAt: Int64 = 0

    init(span: Int64, limit: Int = 65_536) {
        self.span = span
        self.limit = limit
    }

    /// Notes a proof that is otherwise good. Whatever is forgotten has expired by then.
    mutating func admit(_ proof: GrantProof, now: Int64) throws(GrantError) {
        if now - startedAt >= span {
            previous = now - startedAt >= 2 * span ? [] : current
            current = []
            startedAt = now
        }
        let mark = Mark(node: proof.node, nonce: proof.nonce)
        guard !current.contains(mark), !previous.contains(mark) else { throw .replayed }
        guard current.count < limit else { throw .tooMany }
        current.insert(mark)
    }
}
