internal import ArgumentParser
internal import ImageFiles
internal import ImageRewriting
internal import OCI

extension FileKind: ExpressibleByArgument {}
extension DerivedRule.Form: ExpressibleByArgument {}

/// By which rules images are rewritten.
struct RewriteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Weir's address in rewritten images, as those see it who pull. Else 'rewrite.address' of the configuration.",
            valueName: "host:port"))
    var address: String?
    @Option(
        help: ArgumentHelp(
            "host: ADDRESS/docker.io/library/nginx; prefix: a rule's name in place of the registry's.",
            valueName: "form"))
    var form: DerivedRule.Form?
    @Option(
        help: ArgumentHelp(
            "Rewrite by the rules of this file of harbor-container-webhook, and by no others.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var harborWebhook: String?
    @OptionGroup var options: ConfigurationOptions

    func rewriter() throws(CommandFailure) -> ImageRewriter {
        let service = try options.load().service
        var configuration = service.rewrite
        if let address {
            guard let host = try? RegistryHost(address) else {
                throw CommandFailure(.usage, "'\(printable(address))' is no address; give --address HOST:PORT")
            }
            configuration.address = host
        }
        if let form { configuration.form = form }
        if let harborWebhook {
            do throws(HarborWebhookFileError) {
                configuration.rules = try HarborWebhookFile.read(resolved(harborWebhook, in: workingDirectory()))
                    .rewriteRules
            } catch {
                let place = error.line.map { ":\($0)" } ?? ""
                throw CommandFailure(.usage, "\(harborWebhook)\(place): \(error)")
            }
            configuration.includesAll = false
        }
        do throws(RewriteConfigurationError) {
            return try configuration.rewriter(service.rules)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
    }
}

/// How files are read.
struct ImageFileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the files are: kubernetes, helm-values, kustomize, compose or dockerfile. Default: by name and content.",
            valueName: "kind"))
    var kind: FileKind?
    @Option(
        help: ArgumentHelp(
            "Where a custom resource names an image: 'Prometheus:spec.image', '*:spec.parts[*].image'. Repeatable.",
            valueName: "kind:path"))
    var imagePath: [String] = []

    func options() throws(CommandFailure) -> ImageFile.Options {
        var paths: [CustomPath] = []
        for text in imagePath {
            do throws(CustomPathError) {
                paths.append(try CustomPath(text))
            } catch {
                throw CommandFailure(.usage, error.description)
            }
        }
        return ImageFile.Options(kind: kind, customPaths: paths)
    }
}

/// Reads one file after another, telling what cannot be read.
struct ImageFileReader: Sendable {
    let options: ImageFile.Options
    private let keys: [[UInt8]]

    init(_ options: ImageFile.Options) {
        self.options = options
        keys =
            ["mage", "from", "FROM", "From"].map { Array($0.utf8) } + options.customPaths.map { Array($0.lastKey.utf8) }
    }

    /// Nil for a file that was found in a folder and has nothing that could name an image in it, or is a template of
    /// a chart, which names images only once it is rendered.
    func read(_ file: ImagePaths.File) throws(CommandFailure) -> (bytes: [UInt8], file: ImageFile)? {
        let bytes = try readBytes(file.path, limitBytes: ImageFile.sizeLimitBytes)
        guard file.isNamed || keys.contains(where: { bytes.contains($0) }) else { return nil }
        do throws(ImageFileError) {
            return (bytes, try ImageFile(bytes, fileName: file.name, options: options))
        } catch {
            if !file.isNamed, error == .template { return nil }
            throw CommandFailure(.failure, "\(file.path): \(error)")
        }
    }
}
