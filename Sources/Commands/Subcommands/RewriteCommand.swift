internal import ArgumentParser
internal import ImageFiles
internal import ImageRewriting
internal import OCI

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

struct RewriteCommand: AsyncParsableCommand {
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

    func run() async throws {
        guard let run = try prepare() else { return }
        try conclude(await run.perform())
    }

    /// Nil where standard input was rewritten already.
    private func prepare() throws(CommandFailure) -> FileRewritingRun? {
        let rewriter = try rules.rewriter()
        let options = try files.options()
        if paths.isEmpty || paths == ["-"] {
            try runOnInput(rewriter, options)
            return nil
        }
        let found = ImagePaths(paths)
        guard mode != .print || found.files.count == 1 && found.files.allSatisfy(\.isNamed) || found.files.isEmpty
        else {
            throw CommandFailure(.usage, "these are several files; say --in-place, --diff or --check")
        }
        let reader = ImageFileReader(options)
        let rewriting = FileRewriting(
            mode: mode, direction: direction, namespace: namespace, rewriter: rewriter,
            keptNames: reverse ? [] : keptNames(found.files, reader))
        return FileRewritingRun(paths: found, reader: reader, rewriting: rewriting)
    }

    private func conclude(_ result: FileRewritingRun.Result) throws(CommandFailure) {
        guard !result.hasFailed, !check || !result.hasChanged else { throw CommandFailure(.failure, "") }
    }

    private var mode: FileRewriting.Mode { check ? .check : diff ? .diff : inPlace ? .inPlace : .print }

    private var direction: FileRewriting.Direction {
        reverse ? .backward(shortNames: shortNames) : .forward
    }

    private func runOnInput(_ rewriter: ImageRewriter, _ options: ImageFile.Options) throws(CommandFailure) {
        let bytes = try readBytes(nil, limitBytes: ImageFile.sizeLimitBytes)
        let rewriting = FileRewriting(
            mode: mode, direction: direction, namespace: namespace, rewriter: rewriter, keptNames: [])
        let outcome: FileRewriting.Outcome
        do throws(ImageFileError) {
            outcome = try rewriting.outcome(
                of: try ImageFile(bytes, fileName: nil, options: options), bytes, path: "standard input")
        } catch {
            throw CommandFailure(.failure, "standard input: \(error)")
        }
        writeFully(outcome.output, to: STDOUT_FILENO)
        if check, outcome.isChanged { throw CommandFailure(.failure, "") }
    }

    /// A Kustomization finds images in manifests by their names, and gives them their new ones itself. So where it
    /// is among the files those names have to stay.
    private func keptNames(_ files: [ImagePaths.File], _ reader: ImageFileReader) -> Set<String> {
        var names: Set<String> = []
        for file in files where FileKind(fileName: file.name) == .kustomize {
            guard let found = try? reader.read(file) else { continue }
            names.formUnion(found.file.matchedNames)
        }
        return names
    }
}
