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
    /// `ALGORITHM:HEX`, as it stands in references, fields and manifests.
    package let description: String

    /// Parses `algorithm:hex`.
    package init(_ text: some StringProtocol) throws(DigestError) { try self.init(parsing: String(text)) }

    package init(algorithm: Algorithm, hex: some StringProtocol) throws(DigestError) {
        try self.init(parsing: "\(algorithm.rawValue):\(hex)")
    }

    /// Not generic, and over contiguous bytes: a digest is parsed with nearly every request.
    private init(parsing text: String) throws(DigestError) {
        var text = text
        let parsed = text.withUTF8 { Self.algorithm(of: $0) }
        algorithm = try parsed.get()
        description = text
    }

    /// The algorithm of a well-formed digest.
    private static func algorithm(of bytes: UnsafeBufferPointer<UInt8>) -> Result<Algorithm, DigestError> {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return .failure(.missingAlgorithm) }
        let name = bytes[..<colon]
        guard let algorithm = Algorithm.allCases.first(where: { name.elementsEqual($0.rawValue.utf8) }) else {
            return .failure(.unsupportedAlgorithm)
        }
        let hex = bytes[(colon + 1)...]
        guard hex.count == algorithm.hexLength else { return .failure(.wrongLength(expected: algorithm.hexLength)) }
        for byte in hex {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): continue
            default: return .failure(.notLowercaseHexadecimal)
            }
        }
        return .success(algorithm)
    }

    /// For callers that computed the hexadecimal form themselves.
    init(algorithm: Algorithm, computedHex hex: String) {
        precondition(hex.utf8.count == algorithm.hexLength)
        self.algorithm = algorithm
        description = "\(algorithm.rawValue):\(hex)"
    }

    /// Lower-case hexadecimal, of ``Algorithm/hexLength`` characters.
    package var hex: String { String(description.suffix(algorithm.hexLength)) }

    package static func == (left: Digest, right: Digest) -> Bool { left.description == right.description }

    package func hash(into hasher: inout Hasher) {
        // The output of a digest is as good as random: its last characters tell as many apart as all of them would.
        var description = description
        hasher.combine(
            description.withUTF8 { bytes in
                bytes.suffix(16).reduce(0 as UInt64) { $0 << 4 | UInt64($1 & 0x0F) ^ UInt64($1 >> 6) }
            })
    }

    package static func < (left: Digest, right: Digest) -> Bool { left.description < right.description }
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
