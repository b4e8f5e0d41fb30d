/// The documents of the OCI image specification, as far as tests write or read them.
enum ImageMediaType: String, Codable, Sendable {
    case index = "application/vnd.oci.image.index.v1+json"
    case manifest = "application/vnd.oci.image.manifest.v1+json"
    case config = "application/vnd.oci.image.config.v1+json"
    case layer = "application/vnd.oci.image.layer.v1.tar+gzip"
    case empty = "application/vnd.oci.empty.v1+json"
    case text = "text/plain"
}

struct ImageDescriptor: Codable, Sendable {
    struct Platform: Codable, Sendable {
        var architecture: String
        var os: String
    }

    var mediaType: ImageMediaType
    var digest: String
    var size: Int
    var artifactType: String?
    var platform: Platform?
    var annotations: [String: String]?

    init(
        mediaType: ImageMediaType, content: Content, artifactType: String? = nil, platform: Platform? = nil,
        annotations: [String: String]? = nil
    ) {
        self.mediaType = mediaType
        digest = content.digest
        size = content.size
        self.artifactType = artifactType
        self.platform = platform
        self.annotations = annotations
    }
}

struct ImageIndex: Codable, Sendable {
    var schemaVersion = 2
    var mediaType = ImageMediaType.index
    var manifests: [ImageDescriptor]
}

struct ImageManifest: Codable, Sendable {
    var schemaVersion = 2
    var mediaType = ImageMediaType.manifest
    var artifactType: String?
    var config: ImageDescriptor
    var layers: [ImageDescriptor]
    var subject: ImageDescriptor?
}

struct ImageConfig: Codable, Sendable {
    /// Names as the specification has them.
    struct Settings: Codable, Sendable {
        var Cmd: [String]
        var Env: [String]
    }

    struct FileSystem: Codable, Sendable {
        var type: String
        var diff_ids: [String]
    }

    var architecture: String
    var os: String
    var config: Settings
    var rootfs: FileSystem
}
