internal import OCI

/// What benchmarks work on.
enum Material {
    static func digest(_ number: Int) -> Digest { DigestHasher.digest(of: Array("\(number)".utf8)) }

    static func manifest(layers: Int, seed: Int = 0) -> String {
        let items = (0..<layers).map { descriptor("layer.v1.tar+gzip", number: seed &* 1000 &+ $0 &+ 1) }
        return """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
            "config":\(descriptor("config.v1+json", number: seed &* 1000)),\
            "layers":[\(items.joined(separator: ","))]}
            """
    }

    private static func descriptor(_ kind: String, number: Int) -> String {
        """
        {"mediaType":"application/vnd.oci.image.\(kind)","digest":"\(digest(number))","size":\(number + 1)}
        """
    }
}
