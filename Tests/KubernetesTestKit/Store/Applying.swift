internal import KubernetesClient

/// Server-side apply: each field belongs to whoever applied it last, and taking one from another needs force.
///
/// Objects merge member by member, lists of webhooks by their names, and every other list is one field, as the schemas of
/// the kinds used here say (`x-kubernetes-list-type`). Managers are kept in the object's `managedFields`, by the paths of
/// their fields, where the real server keeps a tree.
enum Applying {
    static func apply(
        _ intent: JSONTree, onto object: JSONTree, manager: String, force: Bool, _ kind: ResourceKind
    ) throws(APIStatus) -> JSONTree {
        let wanted = leaves(intent, at: "")
        var owners = owners(of: object)
        let present = Dictionary(leaves(object, at: ""), uniquingKeysWith: { first, _ in first })
        let name = intent.at("metadata", "name")?.string ?? ""
        for (path, value) in wanted {
            let others = owners.filter { $0.key != manager && $0.value.contains(path) }.keys
            guard !others.isEmpty, present[path] != value else { continue }
            guard force else {
                throw APIStatus(
                    409, "Conflict",
                    "Apply failed with 1 conflict: conflict with \"\(others.sorted()[0])\": \(path) of \(name)")
            }
            for other in others { owners[other]?.remove(path) }
        }
        var result = merge(intent, into: object)
        let mine = Set(wanted.map(\.0))
        for path in owners[manager, default: []].subtracting(mine)
        where !owners.contains(where: { $0.key != manager && $0.value.contains(path) }) {
            remove(path.split(separator: "\u{1}").map(String.init)[...], from: &result)
        }
        owners[manager] = mine
        result["metadata"]?["managedFields"] = .array(
            owners.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { owner in
                [
                    "manager": .string(owner.key), "operation": "Apply",
                    "fieldsV1": .array(owner.value.sorted().map { .string($0) }),
                ]
            })
        return result
    }

    private static func owners(of object: JSONTree) -> [String: Set<String>] {
        let entries = object.at("metadata", "managedFields")?.array ?? []
        return Dictionary(
            entries.map { entry in
                (
                    entry["manager"]?.string ?? "",
                    Set(entry["fieldsV1"]?.array?.compactMap(\.string) ?? [])
                )
            }, uniquingKeysWith: { $0.union($1) })
    }

    private static func leaves(_ tree: JSONTree, at path: String) -> [(String, JSONTree)] {
        if let members = tree.object, !members.isEmpty {
            return members.flatMap { key, value -> [(String, JSONTree)] in
                if path.isEmpty, ["apiVersion", "kind"].contains(key) { return [] }
                if path == "\u{1}metadata", !["labels", "annotations"].contains(key) { return [] }
                if key == "webhooks", path.isEmpty, let webhooks = value.array {
                    return webhooks.flatMap {
                        leaves($0, at: "\u{1}webhooks\u{1}name=\($0["name"]?.string ?? "")")
                    }
                }
                return leaves(value, at: "\(path)\u{1}\(key)")
            }
        }
        return [(path, tree)]
    }

    private static func merge(_ intent: JSONTree, into target: JSONTree, isRoot: Bool = true) -> JSONTree {
        guard let members = intent.object else { return intent }
        var result = JSONTree.object(target.object ?? [:])
        for (key, value) in members {
            if isRoot, key == "webhooks", let wanted = value.array {
                var webhooks = result[key]?.array ?? []
                for webhook in wanted {
                    if let index = webhooks.firstIndex(where: { $0["name"] == webhook["name"] }) {
                        webhooks[index] = merge(webhook, into: webhooks[index], isRoot: false)
                    } else {
                        webhooks.append(webhook)
                    }
                }
                result[key] = .array(webhooks)
            } else {
                result[key] = merge(value, into: result[key] ?? .null, isRoot: false)
            }
        }
        return result
    }

    private static func remove(_ path: ArraySlice<String>, from tree: inout JSONTree) {
        guard let token = path.first else { return }
        let rest = path.dropFirst()
        if var elements = tree.array {
            guard let index = elements.firstIndex(where: { "name=\($0["name"]?.string ?? "")" == token }) else {
                return
            }
            remove(rest, from: &elements[index])
            tree = .array(elements)
        } else if rest.isEmpty {
            tree[token] = nil
        } else if var member = tree[token] {
            remove(rest, from: &member)
            tree[token] = member
        }
    }
}
