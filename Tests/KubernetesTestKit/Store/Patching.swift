internal import KubernetesClient

/// Patches as the API server applies them.
enum Patching {
    /// RFC 7386.
    static func merge(_ patch: JSONTree, into target: JSONTree) -> JSONTree {
        guard let members = patch.object else { return patch }
        var result = JSONTree.object(target.object ?? [:])
        for (key, value) in members {
            result[key] = value == .null ? nil : merge(value, into: result[key] ?? .null)
        }
        return result
    }

    /// RFC 6902, all of its operations.
    static func json(_ patch: JSONTree, into target: JSONTree) throws(APIStatus) -> JSONTree {
        guard let operations = patch.array else { throw .badRequest("a JSON patch is an array") }
        var result = target
        for operation in operations {
            guard let name = operation["op"]?.string, let path = operation["path"]?.string else {
                throw .badRequest("an operation without op or path")
            }
            let pointer = try pointer(path)
            switch name {
            case "add":
                guard let value = operation["value"] else { throw .badRequest("add without value") }
                try edit(&result, pointer[...], .add(value))
            case "replace":
                guard let value = operation["value"] else { throw .badRequest("replace without value") }
                try edit(&result, pointer[...], .replace(value))
            case "remove": try edit(&result, pointer[...], .remove)
            case "test":
                guard try read(result, pointer) == operation["value"] ?? .null else {
                    throw APIStatus(422, "Invalid", "the server rejected our request due to an error in our request")
                }
            case "copy", "move":
                guard let from = operation["from"]?.string else { throw .badRequest("\(name) without from") }
                let source = try Self.pointer(from)
                let value = try read(result, source)
                if name == "move" { try edit(&result, source[...], .remove) }
                try edit(&result, pointer[...], .add(value))
            default: throw .badRequest("unknown operation \(name)")
            }
        }
        return result
    }

    private enum Edit {
        case add(JSONTree)
        case replace(JSONTree)
        case remove
    }

    private static let missing = APIStatus(
        422, "Invalid", "the server rejected our request due to an error in our request")

    private static func pointer(_ text: String) throws(APIStatus) -> [String] {
        if text.isEmpty { return [] }
        guard text.hasPrefix("/") else { throw .badRequest("a path that does not begin with a slash") }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            $0.split(separator: "~1", omittingEmptySubsequences: false).joined(separator: "/")
                .split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~")
        }
    }

    private static func read(_ tree: JSONTree, _ pointer: [String]) throws(APIStatus) -> JSONTree {
        var tree = tree
        for token in pointer {
            guard let next = tree.array != nil ? Int(token).flatMap({ tree[$0] }) : tree[token] else { throw missing }
            tree = next
        }
        return tree
    }

    private static func edit(
        _ tree: inout JSONTree, _ pointer: ArraySlice<String>, _ edit: Edit
    ) throws(APIStatus) {
        guard let token = pointer.first else {
            switch edit {
            case .add(let value), .replace(let value): tree = value
            case .remove: tree = .null
            }
            return
        }
        let rest = pointer.dropFirst()
        if var elements = tree.array {
            let index = token == "-" ? elements.count : Int(token) ?? -1
            if rest.isEmpty {
                switch edit {
                case .add(let value):
                    guard (0...elements.count).contains(index) else { throw missing }
                    elements.insert(value, at: index)
                case .replace(let value):
                    guard elements.indices.contains(index) else { throw missing }
                    elements[index] = value
                case .remove:
                    guard elements.indices.contains(index) else { throw missing }
                    elements.remove(at: index)
                }
            } else {
                guard elements.indices.contains(index) else { throw missing }
                try Self.edit(&elements[index], rest, edit)
            }
            tree = .array(elements)
        } else if var members = tree.object {
            if rest.isEmpty {
                switch edit {
                case .add(let value): members[token] = value
                case .replace(let value):
                    guard members[token] != nil else { throw missing }
                    members[token] = value
                case .remove: guard members.removeValue(forKey: token) != nil else { throw missing }
                }
            } else {
                guard var member = members[token] else { throw missing }
                try Self.edit(&member, rest, edit)
                members[token] = member
            }
            tree = .object(members)
        } else {
            throw missing
        }
    }
}
