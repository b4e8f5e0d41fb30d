internal import ImageFiles
internal import ImageRewriting
internal import OCI

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The images that a command's arguments name: references, files and folders that use images, lists of references.
struct ImageArguments {
    /// In order, each once.
    private(set) var references: [String] = []
    /// What could not be read, or is no image, in words.
    private(set) var problems: [String] = []
    private var seen: Set<String> = []

    /// - Parameters:
    ///   - arguments: `-` is standard input. What is there as a file or folder is one; of the rest, what is written as
    ///     a path is a file that is missing, and anything else a reference.
    ///   - takesBareNames: whether a reference may lack tag and digest, so that a path that is missed by a letter may
    ///     be taken for one.
    ///   - rewriter: leads rewritten images back to what they were.
    init(
        _ arguments: [String], takesBareNames: Bool, options: ImageFile.Options, rewriter: ImageRewriter?
    ) throws(CommandFailure) {
        let reader = ImageFileReader(options)
        for argument in arguments {
            if argument == "-" {
                let bytes = try readBytes(nil, limitBytes: ImageFile.sizeLimitBytes)
                add(bytes, name: nil, path: "standard input", options, rewriter)
            } else if access(argument, F_OK) == 0 || !Self.isReference(argument, takesBareNames: takesBareNames) {
                add(path: argument, reader, options, rewriter)
            } else {
                add(argument, place: "", rewriter)
            }
        }
    }

    /// Whether what is no file is meant for a reference.
    private static func isReference(_ argument: String, takesBareNames: Bool) -> Bool {
        let last = argument.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        if last.isEmpty || ["/", ".", "~"].contains(where: argument.hasPrefix) { return false }
        if last.contains(":") || argument.contains("@") { return true }
        return takesBareNames && ![".yaml", ".yml", ".json", ".txt"].contains(where: argument.hasSuffix)
    }

    /// Writes the problems where errors go, a line each.
    func tellProblems() { for problem in problems { writeFully("weir: \(problem)\n", to: STDERR_FILENO) } }

    private mutating func add(
        path: String, _ reader: ImageFileReader, _ options: ImageFile.Options, _ rewriter: ImageRewriter?
    ) {
        let found = ImagePaths([path])
        problems += found.problems
        for file in found.files {
            do throws(CommandFailure) {
                if file.isNamed {
                    add(
                        try readBytes(file.path, limitBytes: ImageFile.sizeLimitBytes), name: file.name,
                        path: file.path, options, rewriter)
                } else if let (_, parsed) = try reader.read(file) {
                    add(parsed, path: file.path, rewriter)
                }
            } catch {
                problems.append(error.message)
            }
        }
    }

    private mutating func add(
        _ bytes: [UInt8], name: String?, path: String, _ options: ImageFile.Options, _ rewriter: ImageRewriter?
    ) {
        if let list = Self.list(bytes) {
            for reference in list { add(reference, place: "\(path): ", rewriter) }
            return
        }
        do throws(ImageFileError) {
            add(try ImageFile(bytes, fileName: name, options: options), path: path, rewriter)
        } catch {
            problems.append("\(path): \(error)")
        }
    }

    private mutating func add(_ file: ImageFile, path: String, _ rewriter: ImageRewriter?) {
        for image in file.images {
            guard !image.isOpen else {
                problems.append("\(path):\(image.line): a variable says which image '\(printable(image.written))' is")
                continue
            }
            add(image.reference, place: "\(path):\(image.line): ", rewriter)
        }
    }

    private mutating func add(_ text: String, place: String, _ rewriter: ImageRewriter?) {
        let reference = rewriter?.original(of: text) ?? text
        do throws(ReferenceError) {
            _ = try ImageReference(reference)
        } catch {
            problems.append("\(place)'\(printable(text))' is no reference: \(error)")
            return
        }
        if seen.insert(reference).inserted { references.append(reference) }
    }

    /// A reference on each line, beside empty lines and comments; nil where the text is anything else.
    static func list(_ bytes: [UInt8]) -> [String]? {
        guard bytes.count <= 12 << 20, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var references: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let word = words.first else { continue }
            guard words.count == 1, word.last != ":", word.first != "-", (try? ImageReference(word)) != nil else {
                return nil
            }
            references.append(String(word))
        }
        return references.isEmpty ? nil : references
    }
}
