internal import ArgumentParser
internal import ImageFiles
internal import ImageRewriting
internal import OCI

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

struct RewriteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rewrite",
        abstract: "Have files pull their images through Weir; everything else in them stays byte for byte.",
        discussion: """
            Reads Kubernetes' YAML and JSON, Helm values, Kustomizations, Compose files and Dockerfiles; folders with \
            all that is in them. Without a path, or with '-', standard input is rewritten to standard output: as Helm's \
            post-renderer, and as a function of Kustomize. A single file goes to standard output as well, unless \
            --in-place, --diff or --check says otherwise. With --check, and where a file cannot be read, it exits with 1.
            """)

    @Argument(help: "Files and folders.", completion: .file())
    var paths: [String] = []
    @Flag(name: [.short, .long], help: "Write the files themselves.")
    var inPlace = false
    @Flag(help: "Print what would change, for 'patch -p1'.")
    var diff = false
    @Flag(help: "Name every image that would change, and exit with 1 if there is one.")
    var check = false
    @Flag(help: "Turn rewritten images back into what they were.")
    var reverse = false
    @Flag(help: "With --reverse, write 'nginx' for 'docker.io/library/nginx'.")
    var shortNames = false
    @Option(
        help: ArgumentHelp("The namespace of objects that name none, for rules that ask for it.", valueName: "name"))
    var namespace: String?
    @OptionGroup var files: ImageFileOptions
    @OptionGroup var rules: RewriteOptions

    func validate() throws {
        guard [inPlace, diff, check].count(where: { $0 }) <= 1 else {
            throw ValidationError("--in-place, --diff and --check exclude each other.")
        }
        if shortNames, !reverse { throw ValidationError("--short-names goes with --reverse.") }
        if paths.contains("-"), paths.count > 1 || inPlace {
            throw ValidationError("'-' stands alone, and is not written in place.")
        }
    }

    func run() throws {
        let rewriter = try rules.rewriter()
        let options = try files.options()
        if paths.isEmpty || paths == ["-"] { return try runOnInput(rewriter, options) }
        let found = ImagePaths(paths)
        let printsFile = !inPlace && !diff && !check
        guard !printsFile || found.files.count == 1 && found.files.allSatisfy(\.isNamed) || found.files.isEmpty else {
            throw CommandFailure(.usage, "these are several files; say --in-place, --diff or --check")
        }
        var failureCount = found.problems.count
        for problem in found.problems { writeFully("weir: \(problem)\n", to: STDERR_FILENO) }
        let reader = ImageFileReader(options)
        let kept = keptNames(found.files, reader)
        var changeCount = 0
        for file in found.files {
            do throws(CommandFailure) {
                if try rewrite(file, reader, rewriter, kept: kept) { changeCount += 1 }
            } catch {
                writeFully("weir: \(error.message)\n", to: STDERR_FILENO)
                failureCount += 1
            }
        }
        guard failureCount == 0, !check || changeCount == 0 else { throw CommandFailure(.failure, "") }
    }

    private func runOnInput(_ rewriter: ImageRewriter, _ options: ImageFile.Options) throws(CommandFailure) {
        let bytes = try readBytes(nil, limitBytes: ImageFile.sizeLimitBytes)
        let file: ImageFile
        do throws(ImageFileError) {
            file = try ImageFile(bytes, fileName: nil, options: options)
        } catch {
            throw CommandFailure(.failure, "standard input: \(error)")
        }
        let isChanged = try report(file, bytes, path: nil, rewriter, kept: [])
        if check, isChanged { throw CommandFailure(.failure, "") }
    }

    /// A Kustomization finds images in manifests by their names, and gives them their new ones itself. So where it
    /// is among the files those names have to stay.
    private func keptNames(_ files: [ImagePaths.File], _ reader: ImageFileReader) -> Set<String> {
        guard !reverse else { return [] }
        var names: Set<String> = []
        for file in files where FileKind(fileName: file.name) == .kustomize {
            guard let found = try? reader.read(file) else { continue }
            names.formUnion(found.file.matchedNames)
        }
        return names
    }

    /// Whether anything changes.
    private func rewrite(
        _ file: ImagePaths.File, _ reader: ImageFileReader, _ rewriter: ImageRewriter, kept: Set<String>
    ) throws(CommandFailure) -> Bool {
        guard let (bytes, parsed) = try reader.read(file) else { return false }
        return try report(parsed, bytes, path: file.path, rewriter, kept: kept)
    }

    private func report(
        _ file: ImageFile, _ bytes: [UInt8], path: String?, _ rewriter: ImageRewriter, kept: Set<String>
    ) throws(CommandFailure) -> Bool {
        let name = path ?? "standard input"
        var changes: [(image: FoundImage, new: String)] = []
        let result: [UInt8]?
        do throws(ImageFileError) {
            result = try file.replacing { image in
                guard let new = replacement(image, rewriter, kept: kept), new != image.reference else { return nil }
                changes.append((image, new))
                return new
            }
        } catch {
            throw CommandFailure(.failure, "\(name): \(error)")
        }
        if check {
            for (image, new) in changes {
                writeFully("\(name):\(image.line): \(printable(image.reference)) -> \(new)\n", to: STDOUT_FILENO)
            }
        } else if diff {
            if let result {
                writeFully(UnifiedDiff(bytes, result, path: String(name.drop { $0 == "/" })).text, to: STDOUT_FILENO)
            }
        } else if inPlace, let path {
            if let result {
                try replaceFile(path, by: result)
                writeFully("\(path)\n", to: STDOUT_FILENO)
            }
        } else {
            writeFully(String(decoding: result ?? bytes, as: UTF8.self), to: STDOUT_FILENO)
        }
        return result != nil
    }

    private func replacement(_ image: FoundImage, _ rewriter: ImageRewriter, kept: Set<String>) -> String? {
        var context = image.context
        context.namespace = context.namespace ?? namespace
        guard reverse else {
            if !image.isKustomizeEntry, !kept.isEmpty, kept.contains(image.name) { return nil }
            return rewriter.rewriting(of: image.reference, in: context).image
        }
        guard let original = rewriter.original(of: image.reference, in: context) else { return nil }
        let hub = "docker.io/"
        guard shortNames, original.hasPrefix(hub) else { return original }
        let short = original.dropFirst(hub.count)
        return String(short.hasPrefix("library/") ? short.dropFirst("library/".count) : short)
    }
}
