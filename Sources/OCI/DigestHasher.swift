internal import Crypto

/// Computes a digest over bytes that arrive in pieces.
package struct DigestHasher: Sendable {
    private enum State: Sendable {
        case sha256(SHA256)
        case sha512(SHA512)
    }

    private var state: State

    package init(_ algorithm: Digest.Algorithm) {
        switch algorithm {
        case .sha256: state = .sha256(SHA256())
        case .sha512: state = .sha512(SHA512())
        }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch state {
        case .sha256(var hash):
            hash.update(bufferPointer: bytes)
            state = .sha256(hash)
        case .sha512(var hash):
            hash.update(bufferPointer: bytes)
            state = .sha512(hash)
        }
    }

    /// The digest of everything seen so far; more may follow.
    package func finalize() -> Digest {
        switch state {
        case .sha256(let hash): Digest(algorithm: .sha256, computedHex: hexadecimal(hash.finalize()))
        case .sha512(let hash): Digest(algorithm: .sha512, computedHex: hexadecimal(hash.finalize()))
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
