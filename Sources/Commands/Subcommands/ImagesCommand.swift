internal import ArgumentParser
internal import ControlServer
internal import ImageFiles
internal import ImageRewriting
internal import OCI
internal import Rules

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

struct ImagesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "images",
        abstract: "List every image that files use, whether it is pinned and cached, and what to mend.",
        discussion: """
            Reads what 'weir rewrite' reads. Where a service runs on the control socket, it is asked what of each image \
            is cached; nothing is pulled. Without a path, or with '-', standard input is read.
            """)

    @Argument(help: "Files and folders.", completion: .file())
    var paths: [String] = []
    @Flag(help: "The images that a cluster's pods use, in place of those of files.")
    var cluster = false
    @Option(
        help: ArgumentHelp(
            "With --cluster: ask the API server of this kubeconfig, and no running service.", valueName: "file"),
        completion: .file())
    var kubeconfig: String?
    @Option(help: ArgumentHelp("With --cluster: the kubeconfig's context.", valueName: "name"))
    var context: String?
    @Option(
        name: [.customLong("namespace"), .customShort("n")],
        help: ArgumentHelp("With --cluster and a kubeconfig: this namespace alone.", valueName: "name"))
    var clusterNamespace: String?
    @OptionGroup var files: ImageFileOptions
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if paths.contains("-"), paths.count > 1 { throw ValidationError("'-' stands alone.") }
        if cluster, !paths.isEmpty { throw ValidationError("--cluster takes no files.") }
        if !cluster, kubeconfig != nil || context != nil || clusterNamespace != nil {
            throw ValidationError("--kubeconfig, --context and --namespace belong to --cluster.")
        }
    }

    func run() async throws {
        if cluster { return try await reportCluster() }
        let options = try files.options()
        var report = ImageReport()
        var failureCount = 0
        if paths.isEmpty || paths == ["-"] {
            let bytes = try readBytes(nil, limitBytes: ImageFile.sizeLimitBytes)
            do throws(ImageFileError) {
                report.add(try ImageFile(bytes, fileName: nil, options: options), path: "-")
            } catch {
                throw CommandFailure(.failure, "standard input: \(error)")
            }
        } else {
            let found = ImagePaths(paths)
            let reader = ImageFileReader(options)
            failureCount = found.problems.count
            for problem in found.problems { writeFully("weir: \(problem)\n", to: STDERR_FILENO) }
            for file in found.files {
                do throws(CommandFailure) {
                    if let (_, parsed) = try reader.read(file) { report.add(parsed, path: file.path) }
                } catch {
                    writeFully("weir: \(error.message)\n", to: STDERR_FILENO)
                    failureCount += 1
                }
            }
        }
        try await askService(&report)
        let document = report.document
        try output.write(document) { Self.text(document) }
        guard failureCount == 0 else { throw CommandFailure(.failure, "") }
    }

    /// The running service knows what is cached as well; without one, or where an API server is named, that is asked.
    private func reportCluster() async throws(CommandFailure) {
        let report: ClusterImageReport
        if kubeconfig == nil, context == nil, clusterNamespace == nil,
            let document = try await service.client().clusterIfFollowed()
        {
            report = ClusterImageReport(document)
        } else {
            let connection = try ClusterAccess.connection(kubeconfig: kubeconfig, context: context)
            report = ClusterImageReport(
                try await ClusterListing.images(connection, namespace: clusterNamespace))
        }
        try output.write(report) { report.text }
    }

    /// Asks for each image once. Without a service what is cached stays unknown, which is no failure.
    private func askService(_ report: inout ImageReport) async throws(CommandFailure) {
        let service = try service.configuration.load().service
        let client = try self.service.client()
        let rewriter = try? service.rewrite.rewriter(service.rules)
        for reference in report.references {
            let asked = rewriter?.original(of: reference) ?? reference
            do throws(CommandFailure) {
                let answer = try await client.request(
                    .get, "/v1/explain", query: [("reference", asked)], as: ExplanationDocument.self)
                report.note(reference, answer)
            } catch {
                // No service, or none that this user may ask: nobody else will know better.
                if error.code == .notRunning || error.code == .failure { return }
            }
        }
    }

    static func text(_ document: ImageReport.Document) -> String {
        if document.images.isEmpty { return "no images\n" }
        let asked = document.images.contains { $0.cached != nil }
        var table = TextTable(["image", "registry", "pinned"] + (asked ? ["cached"] : []) + ["used in", "advice"])
        for image in document.images {
            let first = image.uses.first.map { "\(printable($0.path)):\($0.line)" } ?? ""
            let more = image.uses.count > 1 ? " and \(image.uses.count - 1) more" : ""
            table.append(
                [printable(image.image), image.registry ?? "-", image.isPinned ? "yes" : "no"]
                    + (asked ? [image.cached?.rawValue ?? "-"] : [])
                    + [first + more, image.advice.isEmpty ? "-" : image.advice.joined(separator: "; ")])
        }
        return table.text
    }
}
