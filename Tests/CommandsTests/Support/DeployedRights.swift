import Foundation
import KubernetesClient
import KubernetesTestKit
import Testing
import Yams

/// What the Roles and ClusterRoles of `deploy/kubernetes` let a service account do.
enum DeployedRights {
    private static var root: String { #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined() }

    /// - Parameter parts: folders of `deploy/kubernetes`.
    static func grants(of account: String, in parts: [String]) throws -> [Grant] {
        var documents: [[String: Any]] = []
        for part in parts {
            let text = try String(contentsOfFile: "\(root)/deploy/kubernetes/\(part)/rbac.yaml", encoding: .utf8)
            for document in try Yams.load_all(yaml: text) { documents.append(try #require(document as? [String: Any])) }
        }
        var roles: Set<String> = []
        for binding in documents {
            let subjects = binding["subjects"] as? [[String: Any]] ?? []
            guard subjects.contains(where: { $0["name"] as? String == account }) else { continue }
            let role = try #require(binding["roleRef"] as? [String: Any])
            roles.insert("\(try #require(role["kind"])) \(try #require(role["name"]))")
        }
        var grants: [Grant] = []
        for role in documents {
            let name = try #require((role["metadata"] as? [String: Any])?["name"] as? String)
            let kind = try #require(role["kind"] as? String)
            guard roles.contains("\(kind) \(name)") else { continue }
            for rule in try #require(role["rules"] as? [[String: Any]]) {
                for plural in try #require(rule["resources"] as? [String]) {
                    grants.append(
                        Grant(
                            Set(try #require(rule["verbs"] as? [String])),
                            try #require(TestAPIServer.kinds.first { $0.plural == plural }),
                            // Where Kustomize puts what has no namespace.
                            namespace: kind == "Role" ? "weir" : nil,
                            names: Set(rule["resourceNames"] as? [String] ?? [])))
                }
            }
        }
        return grants
    }

    /// Rights that nobody made use of, in words: each verb of each kind, and of each name where a rule has some.
    static func unused(_ grants: [Grant], in log: [TestAPIServer.Record]) -> [String] {
        var unused: [String] = []
        for grant in grants {
            for verb in grant.verbs.sorted() {
                for name in grant.names.isEmpty ? [nil] : grant.names.sorted().map(Optional.some) {
                    let isUsed = log.contains { record in
                        let selected = record.query["fieldSelector"].map { $0.replacing("metadata.name=", with: "") }
                        return record.verb == verb && record.plural == grant.kind.plural && record.status < 300
                            && (grant.namespace == nil || record.namespace == grant.namespace)
                            && (name == nil || name == record.name ?? selected)
                    }
                    if !isUsed { unused.append("\(verb) \(grant.kind.plural) \(name ?? "")") }
                }
            }
        }
        return unused
    }
}
