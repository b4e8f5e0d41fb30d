/// Why a file is not read, or not rewritten. Nothing of it is changed then.
package enum ImageFileError: Error, Hashable, CustomStringConvertible {
    case tooLarge(limitBytes: Int)
    case notText
    case malformed(line: Int, column: Int, reason: String)
    /// A template of Helm's, or of another engine with `{{`: no YAML before it is rendered.
    case template
    case tooDeep(limit: Int)
    /// Aliases of aliases, or more of everything than a file of manifests has.
    case tooComplex
    case duplicateKey(line: Int, key: String)
    /// The place of a value in the file was not found for sure.
    case notLocated(line: Int)
    /// An anchor's value is an image at one place and something else at another.
    case sharedValue(line: Int)
    /// Read again after the change, the file said something else than was meant.
    case verificationFailed(line: Int)

    package var description: String {
        switch self {
        case .tooLarge(let limit): "the file is larger than \(limit) bytes"
        case .notText: "the file is not UTF-8 text"
        case .malformed(let line, let column, let reason): "line \(line), column \(column): \(reason)"
        case .template: "the file is a template; rewrite what is rendered of it, or its values"
        case .tooDeep(let limit): "the file is nested more than \(limit) levels deep"
        case .tooComplex: "the file has too many values, or aliases of aliases"
        case .duplicateKey(let line, let key): "line \(line): '\(key)' is given twice in one group"
        case .notLocated(let line): "line \(line): the value is written in a way that cannot be changed safely"
        case .sharedValue(let line):
            "line \(line): this image is shared by an anchor with something that is no image; write it out"
        case .verificationFailed(let line):
            "line \(line): the change would alter something else than the image; nothing is written"
        }
    }
}
