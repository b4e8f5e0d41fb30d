import FoundationEssentials

extension RealRegistry {
    /// Puts a blob into a repository by way of the registry's own storage layout, which is quicker than uploading
    /// where a test needs hundreds.
    func place(_ bytes: Data, in repository: String) throws -> Content {
        let content = Content(digest: contentDigest(bytes), size: bytes.count)
        let hexadecimal = content.digest.dropFirst("sha256:".count)
        let root = "\(storagePath)/docker/registry/v2"
        let blob = "\(root)/blobs/sha256/\(hexadecimal.prefix(2))/\(hexadecimal)"
        let link = "\(root)/repositories/\(repository)/_layers/sha256/\(hexadecimal)"
        for folder in [blob, link] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try bytes.write(to: URL(filePath: "\(blob)/data"))
        try writeText(content.digest, to: "\(link)/link")
        return content
    }

    /// Uploads a manifest whose blobs are there.
    func push(manifest bytes: Data, type: ImageMediaType, as repository: String, reference: String) async throws {
        let path = "\(machine.scratch.path)/manifest-\(contentDigest(bytes).dropFirst(7))"
        try bytes.write(to: URL(filePath: path))
        let answer = try await machine.request(
            "\(origin)/v2/\(repository)/manifests/\(reference)", method: "PUT",
            fields: ["Content-Type: \(type.rawValue)"], upload: path)
        guard answer.status == 201 else {
            throw MachineError.failed(
                command: "PUT manifest", ending: .exited(Int32(answer.status)), output: answer.text)
        }
    }
}
