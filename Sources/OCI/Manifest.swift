/// What a manifest or index says about other content. The exact bytes are kept elsewhere and never made anew from
/// this.
package struct Manifest: Sendable, Hashable {
    package enum Kind: String, Sendable { case image, index, artifact }

    package let kind: Kind
    package let mediaType: MediaType
    /// An image's configuration; nil for indexes and artifacts.
    package let config: Descriptor?
    /// An image's layers, or an artifact's blobs, in order.
    package let layers: [Descriptor]
    /// An index's children, in order.
    package let manifests: [Descriptor]
    /// The manifest that this one is about. OCI Distribution 1.1, "Referrers".
    package let subject: Descriptor?
    package let artifactType: String?
    package let annotations: [String: String]

    /// The blobs that belong to the image: its configuration first, then its layers.
    package var blobs: [Descriptor] { (config.map { [$0] } ?? []) + layers }

    /// How this manifest stands in a list of referrers: OCI Distribution 1.1, "Listing Referrers" (a manifest
    /// without `artifactType` is listed by its configuration's media type).
    package func referrerDescriptor(digest: Digest, size: Int64) -> Descriptor {
        Descriptor(
            mediaType: mediaType, digest: digest, size: size,
            artifactType: artifactType ?? config?.mediaType.description, annotations: annotations)
    }
}

/// Why bytes are no manifest that can be cached.
package enum ManifestError: Error, Hashable, CustomStringConvertible {
    case tooLarge(limitBytes: Int)
    case notJSON
    /// Docker's schema 1, which clients no longer accept.
    case schema1
    case unsupportedMediaType(String)
    /// The `Content-Type` and the manifest's own `mediaType` disagree on whether it is an image or an index.
    case mediaTypeMismatch(declared: String, inside: String)
    /// Fields of an image and of an index, or of neither: what it means would depend on the reader
    /// (GHSA-mc8v-mgrf-8f4m).
    case ambiguous
    /// A field, or a descriptor in it, that is missing or of the wrong kind.
    case invalidDescriptor(field: String)
    case tooManyDescriptors(limit: Int)
    case namesItself

    package var description: String {
        switch self {
        case .tooLarge(let limit): "the manifest is larger than \(limit) bytes"
        case .notJSON: "the manifest is not well-formed JSON"
        case .schema1:
            "Docker image manifests of schema 1 are not supported; push the image again with a current client"
        case .unsupportedMediaType(let type): "\(type) is no manifest type that is supported"
        case .mediaTypeMismatch(let declared, let inside):
            "the manifest was sent as \(declared), but says that it is \(inside)"
        case .ambiguous: "the manifest could be read as an image and as an index, or as neither"
        case .invalidDescriptor(let field): "the manifest's '\(field)' is missing or malformed"
        case .tooManyDescriptors(let limit): "the manifest names more than \(limit) descriptors"
        case .namesItself: "the manifest names itself"
        }
    }
}
