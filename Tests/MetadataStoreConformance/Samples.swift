package import MetadataStore
package import OCI
package import Rules
package import Timekeeping

/// Content made up for tests: digests by number, and manifests that name them.
package enum Samples {
    /// A digest that belongs to `number` alone.
    package static func digest(_ number: Int, _ algorithm: Digest.Algorithm = .sha256) -> Digest {
        DigestHasher.digest(of: "content \(number)".utf8, algorithm)
    }

    package static func repository(_ name: String, rule: String = "hub") throws -> RepositoryKey {
        RepositoryKey(rule: try RuleName(rule), name: try RepositoryName(name))
    }

    package static func moment(_ second: Int) -> Timestamp { Timestamp(seconds: 1_700_000_000 + Int64(second)) }
}

/// A manifest, and where it stands in its repository.
package struct SampleManifest: Sendable, Hashable {
    package let digest: Digest
    package let contents: Manifest
    /// In bytes.
    package let size: Int64

    /// An image of a configuration and layers, each by number; a blob has 100 bytes more than its number.
    package static func image(
        _ number: Int, config: Int, layers: [Int], subject: Digest? = nil, artifactType: String? = nil,
        annotations: String = "{}", configType: String = "application/vnd.oci.image.config.v1+json"
    ) throws -> SampleManifest {
        let type = "application/vnd.oci.image.layer.v1.tar+gzip"
        let about = subject.map { "\"subject\":\(descriptor(MediaType.ociManifest.description, $0, 7))," } ?? ""
        let artifact = artifactType.map { "\"artifactType\":\"\($0)\"," } ?? ""
        return try SampleManifest(
            number, .ociManifest,
            """
            {"schemaVersion":2,\(about)\(artifact)"annotations":\(annotations),
            "config":\(descriptor(configType, Samples.digest(config), config + 100)),
            "layers":[\(layers.map { descriptor(type, Samples.digest($0), $0 + 100) }.joined(separator: ","))]}
            """)
    }

    /// An index of manifests.
    package static func index(_ number: Int, of children: [Digest]) throws -> SampleManifest {
        let type = MediaType.ociManifest.description
        return try SampleManifest(
            number, .ociIndex,
            """
            {"schemaVersion":2,"manifests":[\(children.map { descriptor(type, $0, 1000) }.joined(separator: ","))]}
            """)
    }

    private init(_ number: Int, _ mediaType: MediaType, _ text: String) throws {
        digest = Samples.digest(number)
        contents = try Manifest(parsing: text.utf8, declared: mediaType, digest: digest)
        size = Int64(10_000 + number)
    }

    private static func descriptor(_ mediaType: String, _ digest: Digest, _ size: Int) -> String {
        "{\"mediaType\":\"\(mediaType)\",\"digest\":\"\(digest)\",\"size\":\(size)}"
    }

    package func record(in repository: RepositoryKey, fetchedAt: Timestamp) -> ManifestRecord {
        ManifestRecord(
            repository: repository, digest: digest, mediaType: contents.mediaType, size: size, fetchedAt: fetchedAt)
    }
}

extension MetadataStore {
    /// Stores a manifest's row at the second given.
    package func put(_ manifest: SampleManifest, in repository: RepositoryKey, at second: Int = 0) async throws {
        try await put(
            manifest.record(in: repository, fetchedAt: Samples.moment(second)), contents: manifest.contents)
    }

    /// Stores the rows of blobs by number, each of 100 bytes more than its number.
    package func putBlobs(_ numbers: some Sequence<Int>, at second: Int = 0) async throws {
        for number in numbers {
            let moment = Samples.moment(second)
            try await put(
                BlobRecord(
                    digest: Samples.digest(number), size: Int64(number + 100), storedAt: moment, usedAt: moment))
        }
    }

    package func putTag(_ tag: String, of digest: Digest, in repository: RepositoryKey, at second: Int = 0) async throws
    {
        try await put(
            TagRecord(
                repository: repository, tag: try Tag(tag), digest: digest, mediaType: nil, size: nil,
                checkedAt: Samples.moment(second)))
    }

    package func pull(
        _ digest: Digest, _ content: PullRecord.Content = .manifest, in repository: RepositoryKey, at second: Int,
        count: Int = 1
    ) async throws {
        try await record(pulls: [
            PullRecord(
                repository: repository, digest: digest, content: content, lastPulledAt: Samples.moment(second),
                count: count)
        ])
    }
}
