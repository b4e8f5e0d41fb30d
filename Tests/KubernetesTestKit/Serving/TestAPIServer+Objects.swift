internal import KubernetesClient
internal import NIOHTTP1
internal import RegistryTestKit

extension TestAPIServer {
    /// Does everything but watches.
    func perform(
        _ call: APICall, body: [UInt8], _ request: HTTPRequestHead
    ) throws(APIStatus) -> (status: Int, answer: JSONTree) {
        let contentType = request.headers.first(name: "content-type")
        let result: Result<(status: Int, answer: JSONTree), APIStatus> = state.update { state in
            Result { () throws(APIStatus) in
                if ![.get, .list].contains(call.verb), let interference = state.interference {
                    state.interference = nil
                    interference(&state.store)
                }
                switch call.verb {
                case .get: return (200, try Self.existing(call, state.store))
                case .list, .watch: return (200, try Self.list(call, &state.store))
                case .create: return (201, try Self.create(call, body, contentType, &state.store))
                case .update: return (200, try Self.update(call, body, contentType, &state.store))
                case .patch: return try Self.patch(call, body, contentType, &state.store)
                case .delete: return (200, try Self.delete(call, body, &state.store))
                }
            }
        }
        return try result.get()
    }

    private static func key(_ call: APICall) -> ObjectStore.Key {
        ObjectStore.Key(plural: call.kind.plural, namespace: call.namespace ?? "", name: call.name ?? "")
    }

    private static func existing(_ call: APICall, _ store: ObjectStore) throws(APIStatus) -> JSONTree {
        guard let object = store[key(call)] else { throw .notFound(call.kind, call.name ?? "") }
        return object
    }

    private static func list(_ call: APICall, _ store: inout ObjectStore) throws(APIStatus) -> JSONTree {
        try checkListOptions(call)
        let limit = call.query["limit"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        let page = try store.page(
            call.kind, namespace: call.namespace, limit: limit,
            continueToken: call.query["continue"].flatMap { $0.isEmpty ? nil : $0 }, try call.selector())
        var metadata: JSONTree = ["resourceVersion": .string(store.version(page.revision))]
        if let token = page.continueToken {
            metadata["continue"] = .string(token)
            metadata["remainingItemCount"] = .integer(Int64(page.remaining))
        }
        return [
            "kind": .string("\(call.kind.kind)List"), "apiVersion": .string(call.kind.apiVersion), "metadata": metadata,
            // Items of a list carry neither kind nor apiVersion.
            "items": .array(
                page.items.map { item in
                    var item = item
                    item["kind"] = nil
                    item["apiVersion"] = nil
                    return item
                }),
        ]
    }

    /// `ValidateListOptions` of k8s.io/apimachinery.
    private static func checkListOptions(_ call: APICall) throws(APIStatus) {
        let version = call.query["resourceVersion"] ?? ""
        let match = call.query["resourceVersionMatch"] ?? ""
        let isContinued = !(call.query["continue"] ?? "").isEmpty
        if isContinued, !version.isEmpty {
            throw .badRequest("specifying resource version is not allowed when using continue")
        }
        guard !match.isEmpty else { return }
        if isContinued { throw .badRequest("resourceVersionMatch is forbidden when continue is provided") }
        if version.isEmpty {
            throw .badRequest("resourceVersionMatch is forbidden unless resourceVersion is provided")
        }
        guard ["Exact", "NotOlderThan"].contains(match) else {
            throw .badRequest("resourceVersionMatch: Unsupported value: \"\(match)\"")
        }
        if match == "Exact", version == "0" {
            throw .badRequest("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"")
        }
    }

    private static func create(
        _ call: APICall, _ body: [UInt8], _ contentType: String?, _ store: inout ObjectStore
    ) throws(APIStatus) -> JSONTree {
        var object = try parse(call, body, contentType)
        if object.at("metadata", "name") == nil, let prefix = object.at("metadata", "generateName")?.string {
            object["metadata"]?["name"] = .string("\(prefix)\(store.revision)")
        }
        guard let name = object.at("metadata", "name")?.string, !name.isEmpty else {
            throw .invalid(call.kind, "", "metadata.name: Required value: name or generateName is required")
        }
        guard object.at("metadata", "resourceVersion") == nil else {
            throw .badRequest("resourceVersion should not be set on objects to be created")
        }
        if call.kind.isNamespaced, call.namespace == nil { throw .badRequest("the server does not allow this method") }
        var key = key(call)
        key.name = name
        guard store[key] == nil else {
            throw APIStatus(409, "AlreadyExists", "\(call.kind.plural) \"\(name)\" already exists")
        }
        if call.kind.isNamespaced { object["metadata"]?["namespace"] = call.namespace.map { .string($0) } }
        object = completed(object, call.kind)
        try Validation.check(object, call.kind, previous: nil)
        return store.add(object, at: key)
    }

    private static func update(
        _ call: APICall, _ body: [UInt8], _ contentType: String?, _ store: inout ObjectStore
    ) throws(APIStatus) -> JSONTree {
        let object = try parse(call, body, contentType)
        guard object.at("metadata", "name")?.string == call.name else {
            throw .badRequest("the name of the object does not match the name on the URL")
        }
        let previous = try existing(call, store)
        if object.at("metadata", "resourceVersion") == nil, call.kind != .secrets, call.kind != .pods {
            throw .invalid(
                call.kind, call.name ?? "",
                "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update")
        }
        return try Self.store(object, over: previous, call, &store)
    }

    private static func store(
        _ object: JSONTree, over previous: JSONTree, _ call: APICall, _ store: inout ObjectStore
    ) throws(APIStatus) -> JSONTree {
        if let version = object.at("metadata", "resourceVersion"), version != previous.at("metadata", "resourceVersion")
        {
            throw .conflict(call.kind, call.name ?? "")
        }
        if let uid = object.at("metadata", "uid"), uid != previous.at("metadata", "uid") {
            throw .conflict(call.kind, call.name ?? "")
        }
        var object = completed(object, call.kind)
        if call.kind.isNamespaced { object["metadata"]?["namespace"] = call.namespace.map { .string($0) } }
        try Validation.check(object, call.kind, previous: previous)
        return store.change(object, at: key(call))
    }

    private static func patch(
        _ call: APICall, _ body: [UInt8], _ contentType: String?, _ store: inout ObjectStore
    ) throws(APIStatus) -> (status: Int, answer: JSONTree) {
        let patch = try json(body)
        if contentType == "application/apply-patch+yaml" { return try apply(call, patch, &store) }
        let previous = try existing(call, store)
        let changed: JSONTree
        switch contentType {
        case "application/merge-patch+json": changed = Patching.merge(patch, into: previous)
        case "application/json-patch+json": changed = try Patching.json(patch, into: previous)
        default:
            throw APIStatus(
                415, "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: "
                    + "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml")
        }
        return (200, try Self.store(changed, over: previous, call, &store))
    }

    private static func apply(
        _ call: APICall, _ intent: JSONTree, _ store: inout ObjectStore
    ) throws(APIStatus) -> (status: Int, answer: JSONTree) {
        guard let manager = call.query["fieldManager"], !manager.isEmpty else {
            throw .badRequest("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value")
        }
        guard intent["apiVersion"]?.string == call.kind.apiVersion, intent["kind"]?.string == call.kind.kind else {
            throw .badRequest("apiVersion and kind must be set")
        }
        guard intent.at("metadata", "managedFields") == nil else {
            throw .badRequest("metadata.managedFields must be nil")
        }
        let force = call.query["force"] == "true"
        var named = intent
        named["metadata"] = named["metadata"] ?? [:]
        named["metadata"]?["name"] = call.name.map { .string($0) }
        guard let previous = store[key(call)] else {
            var empty: JSONTree = ["metadata": [:]]
            if call.kind.isNamespaced { empty["metadata"]?["namespace"] = call.namespace.map { .string($0) } }
            let object = completed(
                try Applying.apply(named, onto: empty, manager: manager, force: force, call.kind), call.kind)
            try Validation.check(object, call.kind, previous: nil)
            return (201, store.add(object, at: key(call)))
        }
        let changed = try Applying.apply(named, onto: previous, manager: manager, force: force, call.kind)
        return (200, try Self.store(changed, over: previous, call, &store))
    }

    private static func delete(
        _ call: APICall, _ body: [UInt8], _ store: inout ObjectStore
    ) throws(APIStatus) -> JSONTree {
        let previous = try existing(call, store)
        let options = body.isEmpty ? JSONTree.null : try json(body)
        for name in ["resourceVersion", "uid"] {
            guard let wanted = options.at("preconditions", name) else { continue }
            guard previous.at("metadata", name) == wanted else { throw .conflict(call.kind, call.name ?? "") }
        }
        _ = store.remove(key(call))
        return ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success"]
    }

    // MARK: Bodies

    private static func json(_ body: [UInt8]) throws(APIStatus) -> JSONTree {
        do { return try JSONTree(parsing: body) } catch { throw .badRequest("the body is not JSON") }
    }

    private static func parse(_ call: APICall, _ body: [UInt8], _ contentType: String?) throws(APIStatus) -> JSONTree {
        guard contentType == "application/json" else {
            throw APIStatus(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        }
        let object = try json(body)
        guard object["apiVersion"]?.string == call.kind.apiVersion, object["kind"]?.string == call.kind.kind else {
            throw .badRequest("the object provided is unrecognized (must be of type \(call.kind.kind))")
        }
        if let namespace = object.at("metadata", "namespace")?.string, namespace != call.namespace {
            throw .badRequest("the namespace of the provided object does not match the namespace sent on the request")
        }
        return object
    }

    /// Defaults, and `stringData` put into `data`, as the real server writes them.
    private static func completed(_ object: JSONTree, _ kind: ResourceKind) -> JSONTree {
        var object = object
        if kind == .secrets {
            object["type"] = object["type"] ?? "Opaque"
            for (key, value) in object["stringData"]?.object ?? [:] {
                object["data"] = object["data"] ?? [:]
                object["data"]?[key] = value.string.map { .string(Base64.encode($0.utf8)) }
            }
            object["stringData"] = nil
        }
        return object
    }
}
