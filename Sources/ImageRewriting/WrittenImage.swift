internal import OCI

/// An image as somebody wrote it, taken apart.
struct WrittenImage {
    let text: String
    let reference: ImageReference
    /// The tag and the digest as they stand there, with `:` and `@`; both, one, or nothing. They are kept whole.
    let suffix: Substring
    /// What is before ``suffix``.
    let name: Substring

    init(_ text: String) throws(ReferenceError) {
        reference = try ImageReference(text)
        self.text = text
        var end = text.firstIndex(of: "@") ?? text.endIndex
        // A colon after the last slash is a tag's; one before it belongs to a port.
        if let colon = text[..<end].lastIndex(of: ":"), !text[colon..<end].contains("/") { end = colon }
        name = text[..<end]
        suffix = text[end...]
    }

    /// As harbor-container-webhook sees it (`reference.ParseDockerRef`): short names made whole, `latest` where there
    /// is no tag, and no tag where there is a digest. Other than in ``reference`` the host stays as it is written,
    /// but for `index.docker.io`.
    var dockerForm: (domain: String, rest: String) {
        var domain = "docker.io"
        var path = name
        if let slash = name.firstIndex(of: "/"), RegistryHost.isLikelyHost(name[..<slash]) {
            domain = String(name[..<slash])
            path = name[name.index(after: slash)...]
        }
        if domain == "index.docker.io" { domain = "docker.io" }
        var rest = "/" + (domain == "docker.io" && !path.contains("/") ? "library/\(path)" : String(path))
        if let digest = reference.digest {
            rest += "@\(digest)"
        } else {
            rest += ":\(reference.tag ?? .latest)"
        }
        return (domain, rest)
    }
}
