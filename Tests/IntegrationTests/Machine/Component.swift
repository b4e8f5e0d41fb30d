import FoundationEssentials
import Glibc
import Testing

/// A program of other hands that tests use. `scripts/install-packages test` installs them all.
enum Component: String, CaseIterable, Sendable {
    case dockerRegistry = "docker-registry"
    case nginx
    case htpasswd
    case skopeo
    case containerd
    case ctr
    case dockerd
    case docker
    case podman
    case busybox
    case curl
    case openssl
    case ip
    case unshare
    case nsenter
    case gzip
    case systemd = "systemctl"
    case dpkgDeb = "dpkg-deb"
    case kubectl

    /// The program's path; nil where it is not installed.
    var path: String? { Self.find(rawValue) }

    static let searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    static func find(_ program: String) -> String? {
        searchPath.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }
}

extension Trait where Self == ConditionTrait {
    /// The test needs these programs, and to be root.
    ///
    /// Where something is missing the test is skipped, which the report says with the reason; under `CI=true` it runs
    /// all the same, and fails on what is missing, so that no component is forgotten silently.
    static func needs(_ components: Component...) -> Self {
        let always: [Component] = [.dockerRegistry, .skopeo, .curl, .busybox, .ip, .unshare, .nsenter, .gzip]
        let missing = (always + components).filter { $0.path == nil }.map(\.rawValue)
        let isCI = ProcessInfo.processInfo.environment["CI"] == "true"
        let reason =
            missing.isEmpty
            ? "needs root, for namespaces of its own" : "needs \(missing.joined(separator: ", ")): make integration"
        return .enabled(if: isCI || (missing.isEmpty && geteuid() == 0), "\(reason)")
    }
}
