internal import Foundation
internal import NIOHTTP1

/// How an object is changed in part.
package enum PatchKind: Sendable, Hashable {
    /// RFC 7386.
    case merge
    /// RFC 6902.
    case json
    /// Server-side apply, as `manager`; `force` takes fields from others.
    case apply(manager: String, force: Bool)

    var contentType: String {
        switch self {
        case .merge: "application/merge-patch+json"
        case .json: "application/json-patch+json"
        case .apply: "application/apply-patch+yaml"
        }
    }
}

/// One page of a list.
package struct ObjectPage<Item: Sendable>: Sendable {
    package var items: [Item]
    /// The state that the whole list is of.
    package var resourceVersion: String
    /// For the next page; nil at the end.
    package var continueToken: String?
}

extension KubernetesClient {
    /// - Throws: a ``KubernetesError`` with ``KubernetesError/isNotFound`` where there is none.
    package func get<Object: Decodable & Sendable>(
        _ address: ObjectAddress, as type: Object.Type = JSONTree.self
    ) async throws(KubernetesError) -> Object {
        try decode(type, try await send(APIRequest(method: .GET, path: try address.path)))
    }

    /// The object, or nil where there is none.
    package func find(_ address: ObjectAddress) async throws(KubernetesError) -> JSONTree? {
        do throws(KubernetesError) {
            return try await get(address)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// - Parameters:
    ///   - namespace: nil means all namespaces.
    ///   - limit: items of a page.
    ///   - continueToken: from the page before.
    ///   - metadataOnly: of each object only `metadata` is sent, by servers that can; others send all of it.
    package func list<Item: Decodable & Sendable>(
        _ kind: ResourceKind, of type: Item.Type = JSONTree.self, namespace: String? = nil,
        fieldSelector: String? = nil, labelSelector: String? = nil, limit: Int = 500, continueToken: String? = nil,
        metadataOnly: Bool = false
    ) async throws(KubernetesError) -> ObjectPage<Item> {
        var request = APIRequest(method: .GET, path: try kind.path(namespace: namespace))
        request.query = [("limit", "\(limit)")]
        if metadataOnly {
            request.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
        }
        if let fieldSelector { request.query.append(("fieldSelector", fieldSelector)) }
        if let labelSelector { request.query.append(("labelSelector", labelSelector)) }
        if let continueToken { request.query.append(("continue", continueToken)) }
        let body = try decode(ListBody<Item>.self, try await send(request))
        let token = body.metadata.continue.flatMap { $0.isEmpty ? nil : $0 }
        return ObjectPage(
            items: body.items ?? [], resourceVersion: body.metadata.resourceVersion ?? "", continueToken: token)
    }

    /// - Throws: a ``KubernetesError`` with ``KubernetesError/isAlreadyExisting`` where the name is taken.
    @discardableResult
    package func create(_ object: JSONTree, at address: ObjectAddress) async throws(KubernetesError) -> JSONTree {
        _ = try address.path
        var request = APIRequest(method: .POST, path: try address.kind.path(namespace: address.namespace))
        request.body = object.bytes
        return try decode(JSONTree.self, try await send(request))
    }

    /// Puts `object` in place of what is there, if that still is what `object`'s resource version says.
    @discardableResult
    package func replace(_ address: ObjectAddress, with object: JSONTree) async throws(KubernetesError) -> JSONTree {
        var request = APIRequest(method: .PUT, path: try address.path)
        request.body = object.bytes
        return try decode(JSONTree.self, try await send(request))
    }

    @discardableResult
    package func patch(
        _ address: ObjectAddress, _ kind: PatchKind, _ patch: JSONTree
    ) async throws(KubernetesError) -> JSONTree {
        var request = APIRequest(method: .PATCH, path: try address.path)
        request.body = patch.bytes
        request.contentType = kind.contentType
        if case .apply(let manager, let force) = kind {
            request.query = [("fieldManager", manager), ("force", force ? "true" : "false")]
        }
        return try decode(JSONTree.self, try await send(request))
    }

    /// - Parameter resourceVersion: only this state of it is deleted; nil deletes any.
    /// - Returns: false where there was none.
    @discardableResult
    package func delete(
        _ address: ObjectAddress, resourceVersion: String? = nil
    ) async throws(KubernetesError) -> Bool {
        var request = APIRequest(method: .DELETE, path: try address.path)
        if let resourceVersion {
            request.body =
                ([
                    "apiVersion": "v1", "kind": "DeleteOptions",
                    "preconditions": ["resourceVersion": .string(resourceVersion)],
                ] as JSONTree).bytes
        }
        do throws(KubernetesError) {
            _ = try await send(request)
            return true
        } catch {
            guard error.isNotFound else { throw error }
            return false
        }
    }

    /// Attempts of ``modify(_:_:)``, each on the object as it is then.
    static let modificationLimit = 8

    /// Changes an object whoever else changes it meanwhile: reads it, changes it, and does so anew on a conflict.
    /// - Parameter change: returns nil where nothing is to be changed.
    /// - Returns: the object as it is now; nil where there is none.
    @discardableResult
    package func modify(
        _ address: ObjectAddress, _ change: (JSONTree) -> JSONTree?
    ) async throws(KubernetesError) -> JSONTree? {
        for attempt in 1... {
            guard let object = try await find(address) else { return nil }
            guard let changed = change(object) else { return object }
            do throws(KubernetesError) {
                return try await replace(address, with: changed)
            } catch {
                if error.isNotFound { return nil }
                guard error.isConflict, attempt < Self.modificationLimit else { throw error }
                do { try await sleep(.milliseconds(Int.random(in: 5...(20 << attempt)))) } catch { throw .cancelled }
            }
        }
        return nil
    }

    func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(KubernetesError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw .malformedAnswer(reason: "it is no JSON of the kind that was asked for")
        }
    }
}

/// A list as the server sends it. Servers write an empty one as `null` too.
struct ListBody<Item: Decodable>: Decodable {
    struct Metadata: Decodable {
        var resourceVersion: String?
        var `continue`: String?
    }

    var metadata: Metadata
    var items: [Item]?
}
