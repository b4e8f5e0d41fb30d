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
        let colon = UInt8(ascii: ":")
        guard let end = text.utf8.firstIndex(of: colon) else { throw .missingAlgorithm }
        guard let algorithm = Algorithm.allCases.first(where: { text.utf8[..<end].elementsEqual($0.rawValue.utf8) })
        else { throw .unsupportedAlgorithm }
        try self.init(algorithm: algorithm, hex: text[text.utf8.index(after: end)...])
    }

    package init(algorithm: Algorithm, hex: some StringProtocol) throws(DigestError) {
        guard hex.utf8.count == algorithm.hexLength else { throw .wrongLength(expected: algorithm.hexLength) }
        guard hex.utf8.allSatisfy({ isHexadecimal($0) && !isUppercaseLetter($0) }) else {
            throw .notLowercaseHexadecimal
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
