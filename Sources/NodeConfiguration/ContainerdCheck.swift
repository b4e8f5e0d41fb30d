internal import FoundationEssentials
internal import TOMLKit

/// Whether containerd reads hosts files, and keeps what peers are to be given.
package struct ContainerdCheck: Sendable {
    package struct Finding: Sendable, Hashable, Codable {
        /// Whether nodes cannot share images because of it.
        package var isFatal: Bool
        package var problem: String
        package var advice: String
    }

    /// - Parameters:
    ///   - text: of containerd's `config.toml`; nil where there is none, and its defaults count.
    ///   - hostsFolder: what has to be in `config_path`.
    /// - Throws: where it is no TOML.
    package static func findings(
        _ text: String?, path: String, hostsFolder: String
    ) throws(NodeConfigurationError) -> [Finding] {
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text ?? "")
        } catch {
            throw .malformed(path: path, reason: "it is no TOML: \(error)")
        }
        let version = table["version"]?.int ?? (text == nil ? 3 : 1)
        var findings: [Finding] = []
        let plugin = version >= 3 ? "io.containerd.cri.v1.images" : "io.containerd.grpc.v1.cri"
        let cri = table["plugins"]?.table?[plugin]?.table
        let paths = (cri?["registry"]?.table?["config_path"]?.string ?? "").split(separator: ":").map(String.init)
        if !paths.contains(where: { normal($0) == normal(hostsFolder) }) {
            findings.append(
                Finding(
                    isFatal: true,
                    problem: paths.isEmpty
                        ? "config_path is not set, so that hosts files are not read"
                        : "config_path does not name \(hostsFolder)",
                    advice: "write in \(path): [plugins.\"\(plugin)\".registry] config_path = \"\(hostsFolder)\"; then "
                        + "restart containerd"))
        }
        let registry = cri?["registry"]?.table
        if registry?["mirrors"] != nil || registry?["configs"] != nil, !paths.isEmpty {
            findings.append(
                Finding(
                    isFatal: true, problem: "registry.mirrors or registry.configs stands beside config_path",
                    advice: "containerd refuses both together: move them into \(hostsFolder)"))
        }
        let discards =
            version >= 3
            ? cri?["discard_unpacked_layers"]?.bool : cri?["containerd"]?.table?["discard_unpacked_layers"]?.bool
        if discards == true {
            findings.append(
                Finding(
                    isFatal: true, problem: "discard_unpacked_layers is true: layers are gone once they are unpacked",
                    advice: "set discard_unpacked_layers = false in \(path), restart containerd, and pull images anew"))
        }
        if let disabled = table["disabled_plugins"]?.array,
            disabled.contains(where: {
                $0.string == "cri" || $0.string == plugin || $0.string == "io.containerd.grpc.v1.cri"
            })
        {
            findings.append(
                Finding(
                    isFatal: false, problem: "the CRI plugin is disabled",
                    advice: "Kubernetes cannot use this containerd; for other clients name the hosts folder yourself"))
        }
        if table["imports"] != nil {
            findings.append(
                Finding(
                    isFatal: false, problem: "other files are imported, which are not looked at here",
                    advice: "'containerd config dump' prints the whole; check that with --containerd-config"))
        }
        return findings
    }

    private static func normal(_ path: String) -> String {
        "/" + path.split(separator: "/").joined(separator: "/")
    }
}
