/// What most tests need: a registry with an image in it, and Weir in front, which answers for Docker Hub in its place.
struct Stage {
    let machine: ClosedMachine
    let registry: RealRegistry
    let weir: WeirProcess
    let image: ImageLayout

    static let repository = "library/x"
    var skopeo: Skopeo { Skopeo(machine: machine) }

    /// - Parameter configure: changes Weir's configuration before it starts.
    static func with<Result>(
        layerBytes: Int = 1 << 20, configure: (inout WeirConfiguration) -> Void = { _ in },
        _ body: (Stage) async throws -> Result
    ) async throws -> Result {
        try await ClosedMachine.with { machine in
            let registry = try await RealRegistry(on: machine)
            let image = try await ImageFactory(machine: machine).make("x", layerBytes: layerBytes)
            try await registry.push(image, as: repository)
            var configuration = WeirConfiguration(rules: [.hub(registry.origin)])
            configure(&configuration)
            let weir = try WeirProcess(on: machine, configuration)
            try await weir.start()
            return try await body(Stage(machine: machine, registry: registry, weir: weir, image: image))
        }
    }

    /// The address of content through Weir.
    func url(manifest reference: String) -> String { "\(weir.origin)/v2/\(Self.repository)/manifests/\(reference)" }
    func url(blob content: Content) -> String { "\(weir.origin)/v2/\(Self.repository)/blobs/\(content.digest)" }

    /// Asks Weir for a manifest as clients do.
    func manifest(_ reference: String, method: String = "GET", fields: [String] = []) async throws -> HTTPAnswer {
        let accepted = "Accept: \(ImageMediaType.index.rawValue), \(ImageMediaType.manifest.rawValue)"
        return try await machine.request(url(manifest: reference), method: method, fields: [accepted] + fields)
    }

    /// Pulls every platform with skopeo, and says whether all of it came, each byte right.
    func pullIsExact(_ reference: String? = nil) async throws -> Bool {
        let folder = try await skopeo.pull(reference ?? "\(weir.authority)/\(Self.repository):\(image.tag)")
        return try Skopeo.verified(folder, is: image) == image.everything
    }
}
