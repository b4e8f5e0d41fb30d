extension Manifest {
    /// What one manifest may name; far above any real index, and low enough to keep an answer's work small.
    package static let descriptorLimit = 10_000

    /// Parses a manifest for what it names.
    ///
    /// Refuses what would be read in two ways, and what clients refuse. What clients pass over is passed over here
    /// too, since the exact bytes are theirs to judge: unknown fields, `null` in place of a list, a descriptor without
    /// media type, malformed annotations, platforms and `urls`.
    ///
    /// - Parameters:
    ///   - bytes: the exact bytes; the caller has bounded them.
    ///   - declared: the `Content-Type` they came with. A type that is not a manifest's (some registries answer
    ///     `text/plain`) is passed over in favour of the manifest's own. Where both are an image's, or both an
    ///     index's, the manifest's own is taken: OCI Distribution 1.1, "Pulling manifests", wants the field to match.
    ///   - digest: the manifest's own digest, to refuse one that names itself.
    package init(parsing bytes: some Sequence<UInt8>, declared: MediaType?, digest: Digest) throws(ManifestError) {
        if declared?.isSchema1 == true { throw .schema1 }
        let document = try ManifestDocument(bytes)
        if document.isSchema1 { throw .schema1 }
        let mediaType = try Self.mediaType(of: document, declared: declared)
        let kind = Kind(mediaType)
        try Self.checkFields(of: document, as: kind)
        self.kind = kind
        self.mediaType = mediaType
        config = try document.config.map { (config) throws(ManifestError) in try config.descriptor(in: "config") }
        layers =
            kind == .artifact
            ? try Self.descriptors(document.blobs, in: "blobs") : try Self.descriptors(document.layers, in: "layers")
        manifests = try Self.descriptors(document.manifests, in: "manifests")
        subject = try document.subject.map { (subject) throws(ManifestError) in try subject.descriptor(in: "subject") }
        artifactType = document.artifactType
        annotations = document.annotations
        guard layers.count + manifests.count <= Self.descriptorLimit else {
            throw .tooManyDescriptors(limit: Self.descriptorLimit)
        }
        let isNamed = { (named: Descriptor) in named.digest == digest }
        guard config.map(isNamed) != true, subject.map(isNamed) != true, !layers.contains(where: isNamed),
            !manifests.contains(where: isNamed)
        else { throw .namesItself }
    }

    /// The fields that say what the document is: those of its kind must be there, those of another must not.
    private static func checkFields(of document: ManifestDocument, as kind: Kind) throws(ManifestError) {
        switch kind {
        case .index:
            guard document.layers == nil, document.config == nil, document.blobs == nil else { throw .ambiguous }
            // Go writes an empty list as `null`; a document without the field is no index at all.
            guard document.hasManifests else { throw .invalidDescriptor(field: "manifests") }
        case .image:
            guard document.manifests == nil, document.blobs == nil else { throw .ambiguous }
            guard document.config != nil else { throw .invalidDescriptor(field: "config") }
        case .artifact:
            guard document.manifests == nil, document.layers == nil, document.config == nil else { throw .ambiguous }
            // Every other field is optional: without this one any JSON object would do.
            guard document.mediaType != nil else { throw .invalidDescriptor(field: "mediaType") }
        }
    }

    private static func descriptors(
        _ list: [ManifestDocument.DescriptorField]?, in field: String
    ) throws(ManifestError) -> [Descriptor] {
        var descriptors: [Descriptor] = []
        descriptors.reserveCapacity(list?.count ?? 0)
        for entry in list ?? [] { descriptors.append(try entry.descriptor(in: field)) }
        return descriptors
    }

    private static func mediaType(
        of document: ManifestDocument, declared: MediaType?
    ) throws(ManifestError) -> MediaType {
        if let text = document.mediaType {
            guard let inside = MediaType(text) else { throw .unsupportedMediaType("a malformed media type") }
            guard inside.isManifest else { throw .unsupportedMediaType(inside.description) }
            if let declared, declared.isManifest, Kind(declared) != Kind(inside) {
                throw .mediaTypeMismatch(declared: declared.description, inside: inside.description)
            }
            return inside
        }
        if let declared, declared.isManifest { return declared }
        // OCI Image 1.0 left `mediaType` out; what the document holds tells the two apart.
        guard document.schemaVersion == 2 else {
            throw .unsupportedMediaType(declared?.description ?? "an unnamed type")
        }
        guard document.hasManifests != (document.config != nil) else { throw .ambiguous }
        return document.hasManifests ? .ociIndex : .ociManifest
    }
}

extension Manifest.Kind {
    /// The kind that a manifest of type `mediaType` has.
    init(_ mediaType: MediaType) {
        self = mediaType.isIndex ? .index : mediaType == .ociArtifact ? .artifact : .image
    }
}
