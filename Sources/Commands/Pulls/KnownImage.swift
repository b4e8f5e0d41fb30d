internal import OCI

/// Small public images that well-known registries have had for years, to try them with. Nobody is asked but by HEAD.
enum KnownImage {
    private static let names: [String: String] = [
        "docker.io": "library/alpine:latest", "ghcr.io": "astral-sh/uv:latest", "quay.io": "quay/busybox:latest",
        "registry.k8s.io": "pause:3.9", "gcr.io": "distroless/static:latest",
        "mcr.microsoft.com": "dotnet/runtime-deps:8.0", "public.ecr.aws": "docker/library/alpine:latest",
        "registry.gitlab.com": "gitlab-org/gitlab-runner/gitlab-runner-helper:x86_64-latest",
        "nvcr.io": "nvidia/cuda:12.4.1-base-ubuntu22.04",
    ]

    /// Nil where none is known.
    static func of(_ host: RegistryHost?) -> (repository: RepositoryName, reference: ManifestReference)? {
        host.flatMap { names[$0.canonical.description] }.flatMap { parse($0) }
    }

    /// `REPOSITORY[:TAG][@DIGEST]`, without a registry; nil where it is none.
    static func parse(_ text: String) -> (repository: RepositoryName, reference: ManifestReference)? {
        var rest = text[...]
        var reference = ManifestReference.tag(.latest)
        if let at = rest.firstIndex(of: "@") {
            guard let digest = try? Digest(rest[rest.index(after: at)...]) else { return nil }
            reference = .digest(digest)
            rest = rest[..<at]
        }
        if let colon = rest.lastIndex(of: ":") {
            guard let tag = try? Tag(rest[rest.index(after: colon)...]) else { return nil }
            if case .tag = reference { reference = .tag(tag) }
            rest = rest[..<colon]
        }
        guard let repository = try? RepositoryName(rest) else { return nil }
        return (repository, reference)
    }
}
