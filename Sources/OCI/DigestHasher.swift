internal import Crypto

/// Computes a digest over bytes that arrive in pieces.
package struct DigestHasher: Sendable {
    private let algorithm: Digest.Algorithm
    // Both stand here in place, since a hash that is moved out of an enum for each update is copied each time: its
    // state is shared with the enum's. The idle one costs a few hundred bytes.
    private var sha256 = SHA256()
    private var sha512 = SHA512()

    package init(_ algorithm: Digest.Algorithm) { self.algorithm = algorithm }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch algorithm {
        case .sha256: sha256.update(bufferPointer: bytes)
        case .sha512: sha512.update(bufferPointer: bytes)
        }
    }

    /// The digest of everything seen so far; more may follow.
    package func finalize() -> Digest {
        switch algorithm {
        case .sha256: Digest(algorithm: .sha256, computedHex: hexadecimal(sha256.finalize()))
        case .sha512: Digest(algorithm: .sha512, computedHex: hexadecimal(sha512.finalize()))
        }
    }

    /// The digest of `bytes` as a whole.
    package static func digest(
        of bytes: UnsafeRawBufferPointer, _ algorithm: Digest.Algorithm = .sha256
    ) -> Digest {
        var hasher = DigestHasher(algorithm)
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// The digest of `bytes` as a whole.
    package static func digest(of bytes: some Sequence<UInt8>, _ algorithm: Digest.Algorithm = .sha256) -> Digest {
        var hasher = DigestHasher(algorithm)
        if bytes.withContiguousStorageIfAvailable({ hasher.update(UnsafeRawBufferPointer($0)) }) == nil {
            Array(bytes).withUnsafeBytes { hasher.update($0) }
        }
        return hasher.finalize()
    }
}

private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(128)
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
