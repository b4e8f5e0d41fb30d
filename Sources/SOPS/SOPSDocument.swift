package import AgeEncryption
internal import Crypto
package import Yams

/// A YAML or JSON file that SOPS encrypted, as a tree. https://github.com/getsops/sops
package struct SOPSDocument {
    /// The tag of scalars that were decrypted: nothing may repeat them.
    private static let tag = Tag.Name(rawValue: "tag:weir,decrypted")
    private static let dataKeyBytes = 32

    private let root: Node.Mapping
    private let metadata: Node
    private let isJSON: Bool

    /// Nil where the file is not encrypted by SOPS.
    /// - Parameters:
    ///   - root: of the file's only document.
    ///   - isJSON: whether SOPS took the file for JSON, by its name.
    package init?(_ root: Node, isJSON: Bool = false) {
        guard case .mapping(let mapping) = root, let metadata = mapping[SOPSMetadata.key],
            case .mapping(let entries) = metadata,
            // A configuration may have a key of this name for its own purposes.
            ["mac", "lastmodified", "version"].contains(where: { entries[$0] != nil })
        else { return nil }
        self.root = mapping
        self.metadata = metadata
        self.isJSON = isJSON
    }

    /// Whether the scalar is one whose plain value stood in no file.
    package static func isDecrypted(_ scalar: Node.Scalar) -> Bool { scalar.tag == Tag(tag) }

    static func decrypted(_ text: String, at mark: Mark?) -> Node {
        .scalar(Node.Scalar(text, Tag(tag), .doubleQuoted, mark))
    }

    /// The tree with plain values, each at the place where it stood; verified whole.
    /// - Parameter keys: tried on each recipient's share.
    package func decrypt(with keys: [AgeKey]) throws(SOPSError) -> Node {
        let metadata = try SOPSMetadata(metadata)
        guard !keys.isEmpty else { throw SOPSError(.noKey) }
        let key = try dataKey(metadata, keys)
        var decryption = SOPSDecryption(metadata, key: key, numbersAreFloats: isJSON)
        return try decryption.decrypt(root)
    }

    private func dataKey(_ metadata: SOPSMetadata, _ keys: [AgeKey]) throws(SOPSError) -> SymmetricKey {
        var failure = AgeError.noMatchingKey
        for share in metadata.encryptedDataKeys {
            do throws(AgeError) {
                let bytes = try AgeFile.decrypt(Array(share.utf8), keys: keys, limits: AgeLimits(payloadBytes: 1024))
                guard bytes.count == Self.dataKeyBytes else { throw .payloadAltered }
                return SymmetricKey(data: bytes)
            } catch {
                // A share that ought to open and does not says more than one for somebody else.
                if failure == .noMatchingKey { failure = error }
            }
        }
        throw SOPSError(.dataKey(failure))
    }
}
