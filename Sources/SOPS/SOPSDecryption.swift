internal import Crypto
internal import Yams

/// Walks a file's values in their order, decrypts them, and gathers what its MAC is over. getsops/sops, `Tree.Decrypt`.
///
/// Comments are no part of the MAC in SOPS, whether they are encrypted or not, so that they may be passed over.
struct SOPSDecryption {
    /// The begin of a MAC that is over the encrypted values alone, so that it is never one over all of them:
    /// SHA-256 of "sops".
    private static let encryptedAloneSeed = Array(SHA256.hash(data: Array("sops".utf8)))
    /// Values of one file at the most, those of aliases counted each time.
    private static let valueLimit = 50_000

    private let metadata: SOPSMetadata
    private let key: SymmetricKey
    private let numbersAreFloats: Bool
    private var hash = SHA512()
    private var remaining = Self.valueLimit

    init(_ metadata: SOPSMetadata, key: SymmetricKey, numbersAreFloats: Bool) {
        self.metadata = metadata
        self.key = key
        self.numbersAreFloats = numbersAreFloats
        if metadata.macCoversEncryptedAlone { hash.update(data: Self.encryptedAloneSeed) }
    }

    /// The tree with plain values, without SOPS's own key, each where it stood.
    /// - Throws: also where the MAC does not match; nothing of the tree may be used then.
    mutating func decrypt(_ root: Node.Mapping) throws(SOPSError) -> Node {
        let own = root.filter { $0.key.string != SOPSMetadata.key }
        let plain = try decrypt(own, path: [])
        guard let stored = SOPSValue(metadata.mac), stored.type == "str",
            let expected = stored.open(with: key, authenticating: metadata.lastModified)
        else { throw SOPSError(.macAltered) }
        let actual = hash.finalize().map { byte in
            let hex = String(byte, radix: 16, uppercase: true)
            return hex.utf8.count == 1 ? "0\(hex)" : hex
        }.joined()
        guard expected == Array(actual.utf8) else { throw SOPSError(.macMismatch) }
        return .mapping(Node.Mapping(plain, root.tag, root.style, root.mark))
    }

    private mutating func decrypt(
        _ pairs: [(key: Node, value: Node)], path: [String]
    ) throws(SOPSError) -> [(Node, Node)] {
        var result: [(Node, Node)] = []
        for (key, value) in pairs {
            guard case .scalar(let name) = key else { throw error(.malformedValue, key) }
            result.append((key, try decrypt(value, path: path + [name.string])))
        }
        return result
    }

    private mutating func decrypt(_ node: Node, path: [String]) throws(SOPSError) -> Node {
        remaining -= 1
        guard remaining > 0 else { throw error(.malformedValue, node) }
        switch node {
        case .mapping(let mapping):
            let pairs = try decrypt(Array(mapping), path: path)
            return .mapping(Node.Mapping(pairs, mapping.tag, mapping.style, mapping.mark))
        case .sequence(let sequence):
            var items: [Node] = []
            for item in sequence { items.append(try decrypt(item, path: path)) }
            return .sequence(Node.Sequence(items, sequence.tag, sequence.style, sequence.mark))
        case .scalar(let scalar): return try decrypt(scalar, node, path: path)
        case .alias: throw error(.malformedValue, node)
        }
    }

    private mutating func decrypt(
        _ scalar: Node.Scalar, _ node: Node, path: [String]
    ) throws(SOPSError) -> Node {
        let isPlain = scalar.style == .plain || scalar.style == .any
        if isPlain, AuthenticatedScalar(plain: scalar.string, numbersAreFloats: numbersAreFloats) == .null {
            return node
        }
        guard metadata.selection.isEncrypted(path) else {
            if !metadata.macCoversEncryptedAlone { try authenticate(scalar, isPlain: isPlain, node) }
            return node
        }
        // SOPS leaves an empty text as it is; the MAC notices one that is put in another's place.
        guard !scalar.string.isEmpty else { return SOPSDocument.decrypted("", at: scalar.mark) }
        guard let value = SOPSValue(scalar.string) else {
            throw error(scalar.string.hasPrefix("ENC[") ? .malformedValue : .notEncrypted, node)
        }
        guard let bytes = value.open(with: key, authenticating: path.joined(separator: ":") + ":") else {
            throw error(.valueAltered, node)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw error(.malformedValue, node) }
        let plain = try Self.plainText(text, type: value.type, error(.unsupportedType(value.type), node))
        hash.update(data: Array(plain.authenticated.utf8))
        return SOPSDocument.decrypted(plain.text, at: scalar.mark)
    }

    private mutating func authenticate(
        _ scalar: Node.Scalar, isPlain: Bool, _ node: Node
    ) throws(SOPSError) {
        guard isPlain else { return hash.update(data: Array(scalar.string.utf8)) }
        switch AuthenticatedScalar(plain: scalar.string, numbersAreFloats: numbersAreFloats) {
        case .null: break
        case .bytes(let bytes): hash.update(data: bytes)
        case .date: throw error(.unencryptedDate, node)
        case .unsupported: throw error(.unsupportedNumber, node)
        }
    }

    /// The value as the configuration reads it, and as SOPS authenticates it.
    private static func plainText(
        _ text: String, type: String, _ problem: SOPSError
    ) throws(SOPSError) -> (text: String, authenticated: String) {
        switch type {
        case "str", "bytes", "time": return (text, text)
        case "int", "int64":
            guard let number = Int64(text) else { throw problem }
            return ("\(number)", "\(number)")
        case "float":
            guard let number = Double(text) else { throw problem }
            let canonical = GoFloat.text(number)
            return (canonical, canonical)
        case "bool":
            switch text {
            case "1", "t", "T", "true", "TRUE", "True": return ("true", "True")
            case "0", "f", "F", "false", "FALSE", "False": return ("false", "False")
            default: throw problem
            }
        default: throw problem
        }
    }

    private func error(_ reason: SOPSError.Reason, _ node: Node) -> SOPSError {
        SOPSError(reason, line: node.mark?.line, column: node.mark?.column)
    }
}
