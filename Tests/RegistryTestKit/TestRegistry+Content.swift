package import NIOCore
package import OCI

extension TestRegistry {
    /// Adds a multi-platform image under `tag`, with every manifest and blob of it.
    /// - Parameter layerSizes: in bytes, for each platform.
    @discardableResult
    package func addImage(
        repository: String, tag: String,
        platforms: [Platform] = [
            Platform(os: "linux", architecture: "amd64"), Platform(os: "linux", architecture: "arm64"),
        ],
        layerSizes: [Int] = [4096, 70_000]
    ) -> TestImage {
        let image = TestImage(
            images: platforms.map { TestImage.PlatformImage(platform: $0, layerSizes: layerSizes) })
        for platform in image.images { add(platform, to: repository) }
        add(manifest: image.index, to: repository, tag: tag)
        return image
    }

    /// Adds an image of one platform, without an index.
    @discardableResult
    package func addSingleImage(
        repository: String, tag: String?, layerSizes: [Int] = [4096, 70_000]
    ) -> TestImage.PlatformImage {
        let image = TestImage.PlatformImage(layerSizes: layerSizes)
        add(image, to: repository, tag: tag)
        return image
    }

    package func add(_ image: TestImage.PlatformImage, to repository: String, tag: String? = nil) {
        for blob in image.blobs { add(blob: blob.bytes, to: repository) }
        add(manifest: image.manifest, to: repository, tag: tag)
    }

    package func add(manifest: TestContent, to repository: String, tag: String? = nil) {
        change(repository) { repository in
            repository.manifests[manifest.digest] = manifest
            if let tag { repository.tags[tag] = manifest.digest }
        }
    }

    @discardableResult
    package func add(blob: ByteBuffer, to repository: String) -> Digest {
        let digest = DigestHasher.digest(of: blob.readableBytesView)
        change(repository) { $0.blobs[digest] = blob }
        return digest
    }

    /// Adds an artifact with one layer that refers to `subject`, and lists it there.
    @discardableResult
    package func addReferrer(
        to subject: TestContent, repository: String, artifactType: String, annotation: String = "test"
    ) -> TestContent {
        let layer = TestContent.random(count: 64)
        let config = TestContent(ByteBuffer(string: "{}"), mediaType: .ociEmpty)
        let manifest = TestContent(
            ByteBuffer(
                string:
                    #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","artifactType":"\#(artifactType)","#
                    + #""config":\#(config.descriptor()),"layers":[\#(layer.descriptor())],"#
                    + #""subject":\#(subject.descriptor()),"annotations":{"note":"\#(annotation)"}}"#),
            mediaType: .ociManifest)
        add(blob: layer.bytes, to: repository)
        add(blob: config.bytes, to: repository)
        add(manifest: manifest, to: repository)
        let descriptor = manifest.descriptor(
            extra: #","artifactType":"\#(artifactType)","annotations":{"note":"\#(annotation)"}"#)
        change(repository) { $0.referrers[subject.digest, default: []].append((artifactType, descriptor)) }
        return manifest
    }

    /// Lets `tag` name another manifest of its repository, or none.
    package func move(tag: String, of repository: String, to digest: Digest?) {
        change(repository) { $0.tags[tag] = digest }
    }

    package func remove(manifest digest: Digest, from repository: String) {
        change(repository) { repository in
            repository.manifests[digest] = nil
            repository.tags = repository.tags.filter { $0.value != digest }
        }
    }

    package func remove(blob digest: Digest, from repository: String) {
        change(repository) { $0.blobs[digest] = nil }
    }

    package func remove(repository: String) { state.update { $0.repositories[repository] = nil } }

    private func change(_ name: String, _ change: (inout Repository) -> Void) {
        state.update { change(&$0.repositories[name, default: Repository()]) }
    }
}
