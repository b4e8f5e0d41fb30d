/// What decryption may cost.
package struct AgeLimits: Sendable, Hashable {
    /// Bytes of a header at the most; a stanza for one recipient has some hundred.
    package var headerBytes = 64 << 10
    /// Bytes of the content at the most.
    package var payloadBytes: Int
    /// The highest scrypt work factor, the logarithm of its cost. 18, which `age` writes, takes 256 MiB for a second;
    /// each one more doubles both.
    package var workFactor: Int

    package init(payloadBytes: Int = 1 << 20, workFactor: Int = 18) {
        self.payloadBytes = payloadBytes
        self.workFactor = workFactor
    }
}
