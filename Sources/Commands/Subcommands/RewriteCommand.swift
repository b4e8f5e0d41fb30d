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
        let rewriter = try rules.rewriter()
        let options = try files.options()
        if paths.isEmpty || paths == ["-"] { return try runOnInput(rewriter, options) }
        let found = ImagePaths(paths)
        guard mode != .print || found.files.count == 1 && found.files.allSatisfy(\.isNamed) || found.files.isEmpty
        else {
            throw CommandFailure(.usage, "these are several files; say --in-place, --diff or --check")
        }
        for problem in found.problems { writeFully("weir: \(problem)\n", to: STDERR_FILENO) }
        let reader = ImageFileReader(options)
        let rewriting = FileRewriting(
            mode: mode, direction: direction, namespace: namespace, rewriter: rewriter,
            keptNames: reverse ? [] : keptNames(found.files, reader))
        var hasFailed = !found.problems.isEmpty
        var hasChanged = false
        // Reading and comparing is work for every core; what is told comes in the files' order all the same.
        for start in stride(from: 0, to: found.files.count, by: Self.batch) {
            let files = found.files[start..<min(start + Self.batch, found.files.count)]
            for outcome in await Self.outcomes(files, reader, rewriting) {
                writeFully(outcome.output, to: STDOUT_FILENO)
                if let problem = outcome.problem {
                    writeFully("weir: \(problem)\n", to: STDERR_FILENO)
                    hasFailed = true
                }
                hasChanged = hasChanged || outcome.isChanged
            }
        }
        guard !hasFailed, !check || !hasChanged else { throw CommandFailure(.failure, "") }
    }

    /// Files whose results are held at once.
    private static let batch = 256
    /// Files that one task reads, so that starting tasks costs little beside.
    private static let share = 16

    private static func outcomes(
        _ files: ArraySlice<ImagePaths.File>, _ reader: ImageFileReader, _ rewriting: FileRewriting
    ) async -> [FileRewriting.Outcome] {
        await withTaskGroup(of: (Int, [FileRewriting.Outcome]).self) { group in
            for start in stride(from: files.startIndex, to: files.endIndex, by: share) {
                let part = files[start..<min(start + share, files.endIndex)]
                group.addTask { (start, part.map { rewriting.outcome(of: $0, reader) }) }
            }
            var parts: [(Int, [FileRewriting.Outcome])] = []
            for await part in group { parts.append(part) }
            return parts.sorted { $0.0 < $1.0 }.flatMap(\.1)
        }
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
