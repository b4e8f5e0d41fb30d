/// Content by its address.
struct Content: Sendable, Hashable {
    let digest: String
    let size: Int
}

/// What an index of a ``ImageLayout`` leads to for one platform.
struct TestImage: Sendable {
    let architecture: String
    let manifest: Content
    let config: Content
    /// The first is the same for every platform.
    let layers: [Content]
}

/// An image of several platforms in an OCI image layout folder.
struct ImageLayout: Sendable {
    let path: String
    let tag: String
    let index: Content
    let images: [TestImage]

    /// The image for the machine the tests run on.
    var native: TestImage {
        get throws { try image(hostArchitecture) }
    }

    /// An image that no client here pulls unasked.
    var foreign: TestImage {
        get throws { try image(hostArchitecture == "amd64" ? "arm64" : "amd64") }
    }

    /// Every blob and manifest, each once.
    var everything: Set<Content> {
        Set(images.flatMap { [$0.manifest, $0.config] + $0.layers } + [index])
    }

    private func image(_ architecture: String) throws -> TestImage {
        guard let image = images.first(where: { $0.architecture == architecture }) else {
            throw MachineError.missing(program: "an image for \(architecture)")
        }
        return image
    }
}

#if arch(arm64)
    let hostArchitecture = "arm64"
#else
    let hostArchitecture = "amd64"
#endif
