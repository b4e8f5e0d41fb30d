internal import AgeEncryption
internal import SOPS
internal import Yams

/// What one file, variable or flag says, as a tree.
struct ConfigurationLayer {
    /// For messages: the file's name as it was given, or the flag's or variable's.
    var source: String
    var node: Node
    /// What relative paths in it start from.
    var directory: String
}

/// Reads configuration files, those that SOPS encrypted too, into trees.
struct ConfigurationFiles {
    let workingDirectory: String

    /// Nil for an empty file.
    /// - Parameters:
    ///   - what: the file, in words: `the configuration file`.
    ///   - keys: asked for where the file is encrypted.
    func layer(
        _ path: String, what: String, keys: () throws(ConfigurationProblem) -> [AgeKey]
    ) throws(ConfigurationProblem) -> ConfigurationLayer? {
        let absolute = resolved(path, in: workingDirectory)
        guard let root = try YAMLDocument.parse(try contents(of: absolute, path, what), source: path) else {
            return nil
        }
        let slash = absolute.lastIndex(of: "/") ?? absolute.startIndex
        let directory = slash == absolute.startIndex ? "/" : String(absolute[..<slash])
        guard let document = SOPSDocument(root, isJSON: path.hasSuffix(".json")) else {
            return ConfigurationLayer(source: path, node: root, directory: directory)
        }
        let keys = try keys()
        do throws(SOPSError) {
            return ConfigurationLayer(source: path, node: try document.decrypt(with: keys), directory: directory)
        } catch {
            throw ConfigurationProblem(
                "\(what): \(error)", at: .init(source: path, line: error.line, column: error.column))
        }
    }

    private func contents(
        of absolute: String, _ path: String, _ what: String
    ) throws(ConfigurationProblem) -> String {
        do throws(FileReadError) {
            return try readTextFile(absolute, limitBytes: YAMLDocument.sizeLimitBytes)
        } catch {
            throw ConfigurationProblem("\(what) \(error.reason)", at: .init(source: path))
        }
    }
}
