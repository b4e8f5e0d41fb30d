/// A content address: an algorithm and the hexadecimal form of its output.
///
/// A value that exists is well formed; no function below the edge takes a `String` for it.
/// OCI Image 1.1, "Digests": only the registered algorithms are accepted, lower-case hexadecimal, exact length.
package struct Digest: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The registered algorithms of OCI Image 1.1.
    package enum Algorithm: String, Sendable, CaseIterable {
        case sha256
        case sha512

        /// Characters in the hexadecimal form.
        package var hexLength: Int {
            switch self {
            case .sha256: 64
            case .sha512: 128
            }
        }
    }

    package let algorithm: Algorithm
    /// Lower-case hexadecimal, of ``Algorithm/hexLength`` characters.
    package let hex: String

    /// Parses `algorithm:hex`.
    package init(_ text: some StringProtocol) throws(DigestError) {
        guard let colon = text.firstIndex(of: ":") else { throw .missingAlgorithm }
        guard let algorithm = Algorithm(rawValue: String(text[..<colon])) else { throw .unsupportedAlgorithm }
        let hex = text[text.index(after: colon)...]
        try self.init(algorithm: algorithm, hex: hex)
    }

    package init(algorithm: Algorithm, hex: some StringProtocol) throws(DigestError) {
        guard hex.utf8.count == algorithm.hexLength else { throw .wrongLength(expected: algorithm.hexLength) }
        for byte in hex.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): continue
            default: throw .notLowercaseHexadecimal
            }
        }
        self.algorithm = algorithm
        self.hex = String(hex)
    }

    /// For callers that computed the hexadecimal form themselves.
    init(algorithm: Algorithm, computedHex hex: String) {
        precondition(hex.utf8.count == algorithm.hexLength)
        self.algorithm = algorithm
        self.hex = hex
    }

    package var description: String { "\(algorithm.rawValue):\(hex)" }

    package static func < (left: Digest, right: Digest) -> Bool {
        left.algorithm == right.algorithm
            ? left.hex < right.hex : left.algorithm.rawValue < right.algorithm.rawValue
    }
}

/// Why a text is no digest.
package enum DigestError: Error, Hashable, CustomStringConvertible {
    case missingAlgorithm
    case unsupportedAlgorithm
    case wrongLength(expected: Int)
    case notLowercaseHexadecimal

    package var description: String {
        switch self {
        case .missingAlgorithm: "a digest reads ALGORITHM:HEX, such as sha256:…"
        case .unsupportedAlgorithm: "only sha256 and sha512 digests are supported"
        case .wrongLength(let expected): "the digest must have \(expected) hexadecimal characters"
        case .notLowercaseHexadecimal: "the digest must be lower-case hexadecimal"
        }
    }
}
