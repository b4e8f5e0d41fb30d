import FoundationEssentials

/// skopeo: copies images, and asks for nothing that it was not told to copy.
struct Skopeo {
    let machine: ClosedMachine

    /// Which of an index's images are copied.
    enum Platforms {
        case all
        case native
    }

    /// Copies `reference` (`127.0.0.1:5000/library/x:multi`) into a new folder and returns the folder, where each
    /// blob and manifest lies under its digest.
    func pull(_ reference: String, platforms: Platforms = .all, certificates: Certificates? = nil) async throws
        -> String
    {
        let folder = try machine.scratch.folder("skopeo-\(UInt64.random(in: 0...UInt64.max))")
        var options = ["--quiet"]
        if platforms == .all { options.append("--all") }
        if let certificates {
            let trusted = try machine.scratch.folder("skopeo-trusted")
            try readBytes(certificates.authorityFile).write(to: URL(filePath: "\(trusted)/ca.crt"))
            options += ["--src-cert-dir", trusted]
        } else {
            options.append("--src-tls-verify=false")
        }
        try await machine.succeed(
            "skopeo", ["--insecure-policy", "copy"] + options + ["docker://\(reference)", "oci:\(folder):copy"])
        return folder
    }

    /// Whether every blob and manifest in `folder` is one of `layout`'s, byte for byte, and how many there are.
    static func verified(_ folder: String, is layout: ImageLayout) throws -> Set<Content> {
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/blobs/sha256")
        let contents = try names.map { name in
            let bytes = try readBytes("\(folder)/blobs/sha256/\(name)")
            return Content(digest: contentDigest(bytes), size: bytes.count)
        }
        return Set(contents).intersection(layout.everything)
    }
}
