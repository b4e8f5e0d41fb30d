internal import KubernetesClient

/// A request, as the API server's path and query say what it is.
struct APICall {
    enum Verb: String { case get, list, watch, create, update, patch, delete }

    let verb: Verb
    let kind: ResourceKind
    let namespace: String?
    let name: String?
    let query: [String: String]

    /// Nil for paths that lead nowhere, which the real server answers with 404 in plain text.
    init?(method: String, target: String, kinds: [ResourceKind]) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        query = Self.query(parts.count > 1 ? String(parts[1]) : "")
        var path = parts[0].split(separator: "/").map(String.init)[...]
        guard let root = path.popFirst() else { return nil }
        let group: String
        switch root {
        case "api": group = ""
        case "apis":
            guard let first = path.popFirst() else { return nil }
            group = first
        default: return nil
        }
        guard let version = path.popFirst() else { return nil }
        var namespace: String?
        if path.count >= 3, path.first == "namespaces" {
            _ = path.popFirst()
            namespace = path.popFirst()
        }
        guard let plural = path.popFirst(),
            let kind = kinds.first(where: { $0.group == group && $0.version == version && $0.plural == plural }),
            kind.isNamespaced || namespace == nil, path.count <= 1
        else { return nil }
        self.kind = kind
        self.namespace = namespace
        name = path.first
        switch (method, name) {
        case ("GET", nil): verb = ["true", "1"].contains(query["watch"] ?? "") ? .watch : .list
        case ("GET", _?): verb = .get
        case ("POST", nil): verb = .create
        case ("PUT", _?): verb = .update
        case ("PATCH", _?): verb = .patch
        case ("DELETE", _?): verb = .delete
        default: return nil
        }
    }

    private static func query(_ text: String) -> [String: String] {
        var result: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result[decode(parts[0])] = parts.count > 1 ? decode(parts[1]) : ""
        }
        return result
    }

    private static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether an object is of those that selectors ask for.
    func selector() throws(APIStatus) -> @Sendable (JSONTree) -> Bool {
        let fields = try Self.terms(query["fieldSelector"], what: "field")
        let labels = try Self.terms(query["labelSelector"], what: "label")
        let known = ["metadata.name", "metadata.namespace", "spec.nodeName", "status.phase", "type"]
        for term in fields where !known.contains(term.key) {
            throw .badRequest("field label not supported: \(term.key)")
        }
        return { object in
            fields.allSatisfy { term in
                let value = term.key.split(separator: ".").reduce(Optional(object)) { $0?[String($1)] }
                return ((value?.string ?? "") == term.value) == term.isEqual
            }
                && labels.allSatisfy { term in
                    let value = object.at("metadata", "labels", term.key)?.string
                    return (value == term.value) == term.isEqual
                }
        }
    }

    private static func terms(
        _ text: String?, what: String
    ) throws(APIStatus) -> [(key: String, value: String, isEqual: Bool)] {
        var terms: [(key: String, value: String, isEqual: Bool)] = []
        for part in (text ?? "").split(separator: ",") {
            let separator = ["!=", "==", "="].first { part.contains($0) }
            guard let separator, let range = part.firstRange(of: separator) else {
                throw .badRequest("unable to parse \(what) selector: \(part)")
            }
            terms.append((String(part[..<range.lowerBound]), String(part[range.upperBound...]), separator != "!="))
        }
        return terms
    }
}
