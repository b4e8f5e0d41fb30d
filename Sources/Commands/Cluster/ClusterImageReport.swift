internal import ControlServer
internal import OCI
internal import Rules

/// The images that a cluster uses, for `weir images --cluster`.
struct ClusterImageReport: Encodable {
    struct Image: Encodable {
        var image: String
        var registry: String?
        var isPinned: Bool
        /// What a running service has of it; nil where none was asked.
        var cached: ImageReport.Image.Cached?
        var podCount: Int
        var namespaces: [String]
        var advice: [String]
    }

    var images: [Image]

    /// From what a running service knows.
    init(_ document: ClusterDocument) {
        images = Self.merged(
            document.images.map { image in
                let cached: ImageReport.Image.Cached =
                    image.isPullable ? .yes : image.digest != nil && image.missingBytes > 0 ? .partly : .no
                return Self.image(
                    image.image, podCount: image.podCount, namespaces: image.namespaces,
                    cached: image.rule == nil ? nil : cached)
            })
    }

    /// From pods themselves.
    init(_ images: [(image: String, podCount: Int, namespaces: [String])]) {
        self.images = Self.merged(
            images.map { Self.image($0.image, podCount: $0.podCount, namespaces: $0.namespaces, cached: nil) })
    }

    private static func image(
        _ text: String, podCount: Int, namespaces: [String], cached: ImageReport.Image.Cached?
    ) -> Image {
        let reference = try? ImageReference(text)
        return Image(
            image: text, registry: reference?.registry.description, isPinned: reference?.digest != nil, cached: cached,
            podCount: podCount, namespaces: namespaces,
            advice: reference.map { ImageReport.advice(on: $0) } ?? ["this is no reference"])
    }

    /// One image may run as several digests.
    private static func merged(_ images: [Image]) -> [Image] {
        var order: [String] = []
        var byName: [String: Image] = [:]
        for image in images {
            guard var known = byName[image.image] else {
                order.append(image.image)
                byName[image.image] = image
                continue
            }
            known.podCount += image.podCount
            known.namespaces = Array(Set(known.namespaces + image.namespaces).sorted().prefix(8))
            byName[image.image] = known
        }
        return order.compactMap { byName[$0] }
    }

    var text: String {
        if images.isEmpty { return "no images\n" }
        let asked = images.contains { $0.cached != nil }
        var table = TextTable(
            ["image", "registry", "pinned"] + (asked ? ["cached"] : []) + ["pods", "namespaces", "advice"])
        for image in images {
            table.append(
                [printable(image.image), image.registry ?? "-", image.isPinned ? "yes" : "no"]
                    + (asked ? [image.cached?.rawValue ?? "-"] : [])
                    + [
                        "\(image.podCount)", image.namespaces.map(printable).joined(separator: ","),
                        image.advice.isEmpty ? "-" : image.advice.joined(separator: "; "),
                    ])
        }
        return table.text
    }
}
