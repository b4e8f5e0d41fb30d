import FoundationEssentials

/// Makes images that are new each time, so that no cache anywhere can know them.
struct ImageFactory {
    let machine: ClosedMachine

    /// Makes a layout with an index of amd64 and arm64. Each image has busybox, prints its architecture when run, and
    /// carries `layerBytes` of random bytes as its last layer.
    func make(_ name: String, tag: String = "multi", layerBytes: Int = 1 << 20) async throws -> ImageLayout {
        let folder = try machine.scratch.folder("image-\(name)")
        let blobs = try machine.scratch.folder("image-\(name)/blobs/sha256")
        let store = LayoutWriter(blobs: blobs)
        let base = try await layer(of: try baseArchive(), in: store)
        var images: [TestImage] = []
        for architecture in ["amd64", "arm64"] {
            let own = try await layer(of: try ownArchive(architecture), in: store)
            let data = try await layer(of: try dataArchive(layerBytes), in: store)
            images.append(try image(architecture, layers: [base, own, data], in: store))
        }
        let index = try store.put(
            ImageIndex(
                manifests: images.map { image in
                    ImageDescriptor(
                        mediaType: .manifest, content: image.manifest,
                        platform: .init(architecture: image.architecture, os: "linux"))
                }))
        try store.finish(
            in: folder,
            index: ImageDescriptor(
                mediaType: .index, content: index, annotations: ["org.opencontainers.image.ref.name": tag]))
        return ImageLayout(path: folder, tag: tag, index: index, images: images)
    }

    /// A layer as stored, and the digest of its archive before compression.
    private struct Layer {
        let content: Content
        let archiveDigest: String
    }

    private func image(_ architecture: String, layers: [Layer], in store: LayoutWriter) throws -> TestImage {
        let config = try store.put(
            ImageConfig(
                architecture: architecture, os: "linux",
                config: .init(Cmd: ["/bin/busybox", "cat", "/etc/arch"], Env: ["PATH=/bin"]),
                rootfs: .init(type: "layers", diff_ids: layers.map(\.archiveDigest))))
        let manifest = try store.put(
            ImageManifest(
                config: ImageDescriptor(mediaType: .config, content: config),
                layers: layers.map { ImageDescriptor(mediaType: .layer, content: $0.content) }))
        return TestImage(
            architecture: architecture, manifest: manifest, config: config, layers: layers.map(\.content))
    }

    private func layer(of archive: TarArchive, in store: LayoutWriter) async throws -> Layer {
        let path = "\(store.blobs)/archive"
        try archive.bytes.write(to: URL(filePath: path))
        try await machine.succeed("gzip", ["--no-name", "--fast", "--force", path])
        let compressed = try readBytes(path + ".gz")
        try FileManager.default.removeItem(atPath: path + ".gz")
        return Layer(content: try store.put(compressed), archiveDigest: contentDigest(archive.bytes))
    }

    private func baseArchive() throws -> TarArchive {
        guard let busybox = Component.busybox.path else { throw MachineError.missing(program: "busybox") }
        var archive = TarArchive()
        archive.addFolder("bin")
        archive.addFile("bin/busybox", try readBytes(busybox), isExecutable: true)
        archive.addLink("bin/sh", to: "busybox")
        // Else two layouts would share this layer, and the counts of requests with it.
        archive.addFile("bin/.id", try random(16))
        archive.finish()
        return archive
    }

    private func ownArchive(_ architecture: String) throws -> TarArchive {
        var archive = TarArchive()
        archive.addFolder("etc")
        archive.addFile("etc/arch", Data("\(architecture)\n".utf8))
        archive.addFile("etc/id", try random(16))
        archive.finish()
        return archive
    }

    private func dataArchive(_ size: Int) throws -> TarArchive {
        var archive = TarArchive()
        archive.addFolder("data")
        archive.addFile("data/random", try random(size))
        archive.finish()
        return archive
    }
}
