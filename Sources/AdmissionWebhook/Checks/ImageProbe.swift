package import Credentials
internal import JSON
package import OCI

/// Who asks a registry whether it has an image.
package protocol ImageProbe: Sendable {
    /// What `image` names, asked where ``ImageReference/registry`` leads; nil where it is not there.
    ///
    /// May be cancelled, and is when its time is over.
    /// - Parameters:
    ///   - needsContent: whether the manifest's bytes are wanted; otherwise a HEAD will do, which counts as no pull.
    ///   - credentials: nil: whatever there is for this registry otherwise, mostly nothing.
    func probe(
        _ image: ImageReference, needsContent: Bool, credentials: AccountCredentials?
    ) async throws(ImageProbeError) -> ProbedManifest?
}

package struct ProbedManifest: Sendable, Hashable {
    /// As the registry said it, if it did.
    package var mediaType: MediaType?
    /// Nil where it was not asked for.
    package var bytes: [UInt8]?

    package init(mediaType: MediaType?, bytes: [UInt8]?) {
        self.mediaType = mediaType
        self.bytes = bytes
    }
}

/// Why it is not known whether an image is there. Descriptions are safe to show.
package enum ImageProbeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The registry does not let these credentials see it: to whoever pulls with them it is not there.
    case refused(reason: String)
    case unavailable(reason: String)

    package var description: String {
        switch self {
        case .refused(let reason), .unavailable(let reason): reason
        }
    }
}

/// Whether a manifest serves platforms (harbor-container-webhook, `internal/webhook/docker.go`): an index has to
/// list each of them by operating system and architecture, the variant apart; every other kind is accepted.
enum PlatformCoverage {
    private static let limitBytes = 4 << 20

    /// Nil where all are there, else what is wrong.
    static func problem(of manifest: ProbedManifest, platforms: [Platform]) -> String? {
        guard !platforms.isEmpty, let bytes = manifest.bytes else { return nil }
        // What is no index in name is not looked into, as there.
        if let mediaType = manifest.mediaType, mediaType.isManifest, !mediaType.isIndex { return nil }
        let document = try? JSONDocument(bytes, limits: .init(bytes: limitBytes))
        let inner = document?.root["mediaType"]?.string.flatMap { MediaType($0) }
        let type = manifest.mediaType.flatMap { $0.isManifest ? $0 : nil } ?? inner ?? manifest.mediaType
        guard type?.isIndex == true else { return nil }
        guard let document else { return "its index cannot be read" }
        let listed = Set(
            (document.root["manifests"]?.items ?? []).compactMap { entry -> Platform? in
                guard let platform = entry["platform"], let os = platform["os"]?.string,
                    let architecture = platform["architecture"]?.string
                else { return nil }
                return Platform(os: os, architecture: architecture)
            })
        let missing = platforms.filter { !listed.contains(Platform(os: $0.os, architecture: $0.architecture)) }
        guard !missing.isEmpty else { return nil }
        return "it is not there for \(missing.map(\.description).joined(separator: ", "))"
    }
}
