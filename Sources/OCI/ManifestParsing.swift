#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

extension Manifest {
    /// What one manifest may name; far above any real index, and low enough to keep an answer's work small.
    package static let descriptorLimit = 10_000

    /// Parses a manifest for what it names.
    ///
    /// - Parameters:
    ///   - bytes: the exact bytes; the caller has bounded them.
    ///   - declared: the `Content-Type` they came with. A type that is not a manifest's (some registries answer
    ///     `text/plain`) is passed over in favour of the manifest's own.
    ///   - digest: the manifest's own digest, to refuse one that names itself.
    package init(parsing bytes: some Sequence<UInt8>, declared: MediaType?, digest: Digest) throws(ManifestError) {
        if declared?.isSchema1 == true { throw .schema1 }
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw Self.manifestError(for: error)
        } catch {
            throw .notJSON
        }
        if document.schemaVersion == 1 || document.mediaType.flatMap({ MediaType($0) })?.isSchema1 == true {
            throw .schema1
        }
        let mediaType = try Self.mediaType(of: document, declared: declared)
        let counts = [document.layers?.count, document.manifests?.count, document.blobs?.count].map { $0 ?? 0 }
        guard counts.reduce(0, +) <= Self.descriptorLimit else {
            throw .tooManyDescriptors(limit: Self.descriptorLimit)
        }

        let kind: Kind = mediaType.isIndex ? .index : mediaType == .ociArtifact ? .artifact : .image
        switch kind {
        case .index:
            guard document.layers == nil, document.config == nil, document.blobs == nil, document.manifests != nil
            else { throw .ambiguous }
        case .image:
            guard document.manifests == nil, document.blobs == nil, document.layers != nil, document.config != nil
            else { throw .ambiguous }
        case .artifact:
            guard document.manifests == nil, document.layers == nil, document.config == nil else { throw .ambiguous }
        }
        self.kind = kind
        self.mediaType = mediaType
        config = try document.config.map { (config) throws(ManifestError) in try config.descriptor(in: "config") }
        layers = try Self.descriptors(kind == .artifact ? document.blobs : document.layers, in: "layers")
        manifests = try Self.descriptors(document.manifests, in: "manifests")
        subject = try document.subject.map { (subject) throws(ManifestError) in try subject.descriptor(in: "subject") }
        artifactType = document.artifactType
        annotations = document.annotations ?? [:]
        let named = [config, subject].compactMap(\.self) + layers + manifests
        guard !named.contains(where: { $0.digest == digest }) else { throw .namesItself }
    }

    private static func descriptors(
        _ list: [Document.DescriptorField]?, in field: String
    ) throws(ManifestError) -> [Descriptor] {
        var descriptors: [Descriptor] = []
        for entry in list ?? [] { descriptors.append(try entry.descriptor(in: field)) }
        return descriptors
    }

    private static func mediaType(of document: Document, declared: MediaType?) throws(ManifestError) -> MediaType {
        let inside: MediaType? =
            if let text = document.mediaType, !text.isEmpty {
                MediaType(text)
            } else {
                nil
            }
        if let inside {
            guard inside.isManifest else { throw .unsupportedMediaType(inside.description) }
            if let declared, declared.isManifest, declared != inside {
                throw .mediaTypeMismatch(declared: declared.description, inside: inside.description)
            }
            return inside
        }
        if let declared, declared.isManifest { return declared }
        // OCI 1.0 left `mediaType` out; what the document holds tells the two apart.
        guard document.schemaVersion == 2 else {
            throw .unsupportedMediaType(declared?.description ?? "an unnamed type")
        }
        return document.manifests != nil ? .ociIndex : .ociManifest
    }

    private static func manifestError(for error: DecodingError) -> ManifestError {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context):
            if let field = context.codingPath.first?.stringValue, field != "schemaVersion" {
                .invalidDescriptor(field: Document.CodingKeys(rawValue: field)?.rawValue ?? "manifest")
            } else {
                .notJSON
            }
        default: .notJSON
        }
    }
}

/// The parts of a manifest that matter, before they are checked.
private struct Document: Decodable {
    var schemaVersion: Int?
    var mediaType: String?
    var artifactType: String?
    var config: DescriptorField?
    var layers: [DescriptorField]?
    var blobs: [DescriptorField]?
    var manifests: [DescriptorField]?
    var subject: DescriptorField?
    var annotations: [String: String]?

    enum CodingKeys: String, CodingKey {
        case schemaVersion, mediaType, artifactType, config, layers, blobs, manifests, subject, annotations
    }

    struct DescriptorField: Decodable {
        var mediaType: String
        var digest: String
        var size: Int64
        var urls: [String]?
        var annotations: [String: String]?
        var platform: PlatformField?
        var artifactType: String?

        func descriptor(in field: String) throws(ManifestError) -> Descriptor {
            guard let mediaType = MediaType(mediaType), size >= 0, let digest = try? Digest(digest) else {
                throw .invalidDescriptor(field: field)
            }
            return Descriptor(
                mediaType: mediaType, digest: digest, size: size,
                platform: platform.map {
                    Platform(os: $0.os ?? "", architecture: $0.architecture ?? "", variant: $0.variant)
                },
                artifactType: artifactType, annotations: annotations ?? [:], hasOtherSources: !(urls ?? []).isEmpty)
        }
    }

    struct PlatformField: Decodable {
        var os: String?
        var architecture: String?
        var variant: String?
    }
}
