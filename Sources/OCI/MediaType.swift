/// The media type of a manifest or blob, without parameters, in lower case.
package struct MediaType: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// Reads a `Content-Type` field or a descriptor's `mediaType`; parameters after `;` are dropped.
    /// Returns nil for what cannot be a media type (RFC 6838, 4.2: names of 127 characters at most).
    package init?(_ text: some StringProtocol) {
        let essence = text.utf8.prefix { $0 != UInt8(ascii: ";") }
        guard essence.count <= 512 else { return nil }
        var value = essence.map(lowercased)[...]
        while value.first.map(Self.isBlank) == true { value.removeFirst() }
        while value.last.map(Self.isBlank) == true { value.removeLast() }
        let names = value.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard names.count == 2, names.allSatisfy(Self.isRestrictedName) else { return nil }
        description = String(decoding: value, as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isRestrictedName(_ name: ArraySlice<UInt8>) -> Bool {
        guard let first = name.first, name.count <= 127, isDigit(first) || isLowercaseLetter(first) else {
            return false
        }
        return name.allSatisfy { isDigit($0) || isLowercaseLetter($0) || "!#$&-^_.+".utf8.contains($0) }
    }

    private init(known text: String) { description = text }

    package static let ociManifest = MediaType(known: "application/vnd.oci.image.manifest.v1+json")
    package static let ociIndex = MediaType(known: "application/vnd.oci.image.index.v1+json")
    /// Withdrawn before OCI Image 1.1 was final, yet still to be found in registries.
    package static let ociArtifact = MediaType(known: "application/vnd.oci.artifact.manifest.v1+json")
    package static let dockerManifest = MediaType(known: "application/vnd.docker.distribution.manifest.v2+json")
    package static let dockerManifestList = MediaType(
        known: "application/vnd.docker.distribution.manifest.list.v2+json")
    package static let dockerSchema1 = MediaType(known: "application/vnd.docker.distribution.manifest.v1+json")
    package static let dockerSchema1Signed = MediaType(
        known: "application/vnd.docker.distribution.manifest.v1+prettyjws")
    package static let octetStream = MediaType(known: "application/octet-stream")
    package static let json = MediaType(known: "application/json")
    package static let ociEmpty = MediaType(known: "application/vnd.oci.empty.v1+json")

    /// Every manifest type that can be cached, as an `Accept` field lists them.
    package static let manifests: [MediaType] = [
        .ociIndex, .dockerManifestList, .ociManifest, .dockerManifest, .ociArtifact,
    ]

    package var isManifest: Bool { Self.manifests.contains(self) }
    package var isIndex: Bool { self == .ociIndex || self == .dockerManifestList }
    package var isSchema1: Bool { self == .dockerSchema1 || self == .dockerSchema1Signed }

    /// Layers that clients fetch from the addresses their descriptor names, and that registries need not hold.
    package var isNonDistributable: Bool {
        description.hasPrefix("application/vnd.docker.image.rootfs.foreign.")
            || description.hasPrefix("application/vnd.oci.image.layer.nondistributable.")
    }
}
