internal import ImageRewriting

/// A file that names images: what it names, and the same file with other images in it.
///
/// Only the bytes of the images change; comments, order, quotes and line ends stay. After a change the file is read
/// again, and must say what it said but for the images; otherwise it is refused.
package struct ImageFile: Sendable {
    package static let sizeLimitBytes = 16 << 20

    package struct Options: Sendable {
        /// What the file is; nil: to be found out from its name and content.
        package var kind: FileKind?
        package var customPaths: [CustomPath]

        package init(kind: FileKind? = nil, customPaths: [CustomPath] = []) {
            self.kind = kind
            self.customPaths = customPaths
        }
    }

    /// What the documents are that name images, or could; none where nothing is known of the file.
    package let kinds: Set<FileKind>
    /// In the order of the file.
    package let images: [FoundImage]
    private let source: SourceText
    private let content: Content
    private let imagePaths: Set<[String]>
    private let options: Options
    private let fileName: String?

    private enum Content: Sendable {
        case documents([SourceNode])
        case dockerfile
    }

    /// - Parameter fileName: without its folder; nil where there is none, as for standard input.
    package init(_ bytes: [UInt8], fileName: String?, options: Options = Options()) throws(ImageFileError) {
        guard bytes.count <= Self.sizeLimitBytes else { throw .tooLarge(limitBytes: Self.sizeLimitBytes) }
        let source = try SourceText(bytes)
        let fileKind = options.kind ?? fileName.flatMap { FileKind(fileName: $0) }
        var collector = ImageCollector(source)
        var kinds: Set<FileKind> = []
        let isDockerfile =
            fileKind == .dockerfile || fileKind == nil && fileName == nil && FileKind.looksLikeDockerfile(source)
        if isDockerfile {
            kinds = [.dockerfile]
            content = .dockerfile
            var finder = DockerfileFinder()
            try finder.find(Dockerfile(source), in: &collector)
        } else {
            let documents = try Self.documents(source, fileName: fileName)
            content = .documents(documents)
            for (index, document) in documents.enumerated() {
                collector.document = index
                let kind = options.kind ?? FileKind(document, fileKind: fileKind)
                guard let kind else { continue }
                kinds.insert(kind)
                try Self.find(kind, document, options, in: &collector)
            }
        }
        self.source = source
        self.kinds = kinds
        self.options = options
        self.fileName = fileName
        images = collector.images
        imagePaths = collector.imagePaths
    }

    private static func documents(_ source: SourceText, fileName: String?) throws(ImageFileError) -> [SourceNode] {
        let first = source.bytes[source.textStart...].first { !" \t\r\n".utf8.contains($0) }
        let isNamedJSON = fileName?.lowercased().hasSuffix(".json") == true
        guard isNamedJSON || first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
            return try YAMLReader.documents(source)
        }
        do throws(ImageFileError) {
            return try JSONReader.documents(source)
        } catch {
            // YAML in flow style begins like JSON, and is more.
            if isNamedJSON { throw error }
            guard case .malformed = error else { throw error }
            return try YAMLReader.documents(source)
        }
    }

    private static func find(
        _ kind: FileKind, _ document: SourceNode, _ options: Options, in collector: inout ImageCollector
    ) throws(ImageFileError) {
        collector.title = ""
        collector.context = RewriteContext()
        switch kind {
        case .kubernetes: try KubernetesFinder(customPaths: options.customPaths).find(document, in: &collector)
        case .helmValues: try HelmValuesFinder().find(document, in: &collector)
        case .kustomize: try KustomizeFinder().find(document, in: &collector)
        case .compose: try ComposeFinder().find(document, in: &collector)
        case .dockerfile: break
        }
    }

    /// The names that a Kustomization's `images` match in manifests; those have to stay there.
    package var matchedNames: [String] {
        images.compactMap { image in
            if case .kustomize(let name, _, _) = image.spelling { name.scalar.text } else { nil }
        }
    }

    /// The file with what `choose` says in place of its images; nil where nothing changes.
    /// - Parameter choose: a whole reference, or nil for an image that stays. It is not asked for an image that a
    ///   variable leaves open.
    package func replacing(_ choose: (FoundImage) -> String?) throws(ImageFileError) -> [UInt8]? {
        var edits = ImageEdits(source)
        for image in images where !image.isOpen {
            guard let reference = choose(image), reference != image.reference else { continue }
            try edits.replace(image, by: reference)
        }
        guard !edits.isEmpty else { return nil }
        let result = edits.result
        try verify(result, edits)
        return result
    }

    private func verify(_ bytes: [UInt8], _ edits: ImageEdits) throws(ImageFileError) {
        let changed: SourceText
        do { changed = try SourceText(bytes) } catch { throw .verificationFailed(line: 1) }
        switch content {
        case .documents(let documents):
            let new: [SourceNode]
            do throws(ImageFileError) {
                new = try Self.documents(changed, fileName: fileName)
            } catch {
                throw .verificationFailed(line: 1)
            }
            var verification = EditVerification(edits, imagePaths: imagePaths, source: source)
            try verification.verify(documents, new)
        case .dockerfile:
            var finder = DockerfileFinder()
            var collector = ImageCollector(changed)
            try finder.find(Dockerfile(changed), in: &collector)
            guard collector.images.count == images.count else { throw .verificationFailed(line: 1) }
            for (old, new) in zip(images, collector.images) {
                guard case .word(let range, _) = old.spelling else { continue }
                guard new.written == edits.words[range.lowerBound] ?? old.written else {
                    throw .verificationFailed(line: old.line)
                }
            }
        }
    }
}
