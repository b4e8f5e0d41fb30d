import FoundationEssentials

/// Writes content into a layout's folder under its digest.
struct LayoutWriter {
    let blobs: String

    func put(_ bytes: Data) throws -> Content {
        let content = Content(digest: contentDigest(bytes), size: bytes.count)
        try bytes.write(to: URL(filePath: "\(blobs)/\(content.digest.dropFirst("sha256:".count))"))
        return content
    }

    func put(_ value: some Encodable) throws -> Content { try put(json(value)) }

    /// Makes the folder a layout whose only entry is `index`.
    func finish(in folder: String, index: ImageDescriptor) throws {
        try json(ImageIndex(manifests: [index])).write(to: URL(filePath: "\(folder)/index.json"))
        try writeText(#"{"imageLayoutVersion":"1.0.0"}"#, to: "\(folder)/oci-layout")
    }
}

func json(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
}
