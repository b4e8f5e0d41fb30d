internal import OCI

/// Where things are under the store's folder. Decision 0003 (docs/decisions/0003-store.md).
struct StoreLayout: Sendable, Hashable {
    /// What ``versionFile`` reads.
    static let version = "1\n"

    /// Without a slash at its end.
    let root: String

    init(root: String) {
        var root = root[...]
        while root.count > 1, root.hasSuffix("/") { root = root.dropLast() }
        self.root = String(root)
    }

    var lockFile: String { root + "/lock" }
    var versionFile: String { root + "/version" }
    /// Everything unfinished. Swept when the store is opened.
    var ingest: String { root + "/ingest" }
    var blobs: String { root + "/blobs" }
    var repositories: String { root + "/repositories" }

    func folder(of algorithm: Digest.Algorithm) -> String { "\(blobs)/\(algorithm.rawValue)" }

    /// The folder of a blob: one of 256, so that none grows beyond what file systems are quick with.
    func folder(of digest: Digest) -> String {
        "\(root)/blobs/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))"
    }

    func file(of digest: Digest) -> String {
        "\(root)/blobs/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))/\(digest.hex)"
    }

    /// A name in ``ingest`` that nothing else has.
    func unfinishedFile() -> String {
        "\(ingest)/\(String(UInt64.random(in: .min ... .max), radix: 16))"
    }
}
