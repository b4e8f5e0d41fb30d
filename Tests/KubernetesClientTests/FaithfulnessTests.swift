import KubernetesClient
import KubernetesTestKit
import RegistryTestKit
import Testing

/// What the real server does that a stand-in would rather not.
@Suite struct FaithfulnessTests {
    private struct Note: Decodable, Sendable, Hashable {
        struct Metadata: Decodable, Sendable, Hashable {
            var name: String
            var annotations: [String: String]?
        }
        var metadata: Metadata
    }

    private let secret = ObjectAddress(.secrets, namespace: "weir", name: "s")
    private func pod(_ name: String) -> ObjectAddress { ObjectAddress(.pods, namespace: "n", name: name) }

    /// As large as what controllers leave in objects.
    private static let managedFields = JSONTree.array(
        (0..<200).map { number in
            [
                "manager": .string("manager-\(number)"), "operation": "Update", "apiVersion": "v1",
                "fieldsType": "FieldsV1", "time": "2024-05-01T10:00:00Z",
                "fieldsV1": .object(
                    Dictionary(uniqueKeysWithValues: (0..<30).map { ("f:field-\(number)-\($0)", ["f:x": [:]]) })),
            ]
        })

    private func following(
        _ server: TestAPIServer, _ body: (Watched<[String: Note]>) async throws -> Void
    ) async throws {
        try await withClient(server.connection()) { client async throws in
            let told = Watched<[String: Note]>([:])
            let task = Task {
                await ResourceFollower(client, .pods, of: Note.self).run { event in
                    told.update { told in
                        switch event {
                        case .listing: told = [:]
                        case .page(let notes): for note in notes { told[note.metadata.name] = note }
                        case .changed(let note): told[note.metadata.name] = note
                        case .removed(let note): told[note.metadata.name] = nil
                        case .listed, .heard, .failing: break
                        }
                    }
                }
            }
            do { try await body(told) } catch {
                task.cancel()
                throw error
            }
            task.cancel()
            await task.value
        }
    }

    @Test
    func `versions are texts that say nothing`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.hideVersions()
            server.put([:], at: pod("a"))
            try await following(server) { told async throws in
                try await server.waitForWatches(.pods)
                server.cutWatches()
                server.put([:], at: pod("b"))
                try await told.wait(for: "b") { Set($0.keys) == ["a", "b"] }
                let versions = server.requests("watch", .pods).compactMap { $0.query["resourceVersion"] }
                #expect(versions.allSatisfy { $0.hasPrefix("v+") } && server.requests("list", .pods).count == 1)
            }
            try await withClient(server.connection()) { client async throws in
                let made = try await client.create(
                    ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s"]], at: secret)
                server.put(["data": ["a": "YQ=="]], at: secret)
                let conflict = await #expect(throws: KubernetesError.self) {
                    try await client.replace(secret, with: made)
                }
                #expect(conflict?.isConflict == true)
                let version = made.at("metadata", "resourceVersion")?.string
                await #expect(throws: KubernetesError.self) {
                    try await client.delete(secret, resourceVersion: version)
                }
                #expect(server[secret] != nil)
            }
        }
    }

    @Test(arguments: [1, 7])
    func `a frame ends within a character, a line within a frame`(_ bytes: Int) async throws {
        try await TestAPIServer.withRunning { server async throws in
            try await following(server) { told async throws in
                try await server.waitForWatches(.pods)
                server.splitWatches(into: bytes)
                server.put(["metadata": ["annotations": ["k": "größe 😀\n"]]], at: pod("a"))
                server.sendBookmarks()
                server.put([:], at: pod("b"))
                try await told.wait(for: "both") { $0.count == 2 }
                #expect(told.value["a"]?.metadata.annotations == ["k": "größe 😀\n"])
            }
        }
    }

    @Test
    func `what nobody here knows is kept when an object is changed, however much it is`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            let unknown: JSONTree = [
                "data": ["a": "YQ=="], "later": ["versions": [1, .number(2.5), "x", .null, true]],
                "metadata": [
                    "managedFields": Self.managedFields, "finalizers": ["a/b"],
                    "ownerReferences": [["uid": "1", "controller": true]],
                ],
            ]
            server.put(unknown, at: secret)
            try await withClient(server.connection()) { client async throws in
                try await client.modify(secret) { object in
                    var object = object
                    object["data"]?["b"] = "Yg=="
                    return object
                }
                let after = try #require(server[secret])
                #expect(after["data"] == ["a": "YQ==", "b": "Yg=="])
                #expect(after["later"] == unknown["later"])
                for key in ["managedFields", "finalizers", "ownerReferences"] {
                    #expect(after.at("metadata", key) == unknown.at("metadata", key), "\(key)")
                }
            }
            var large = unknown
            large["metadata"]?["annotations"] = ["k": "v"]
            let made = large
            try await following(server) { told async throws in
                try await server.waitForWatches(.pods)
                server.put(made, at: pod("large"))
                try await told.wait(for: "the large one") { $0["large"] != nil }
            }
        }
    }

    @Test
    func `a token that is replaced is read again when the old one is refused, by requests and watches`() async throws {
        let folder = try Folder()
        let path = try folder.write("old\n", to: "token")
        try await TestAPIServer.withRunning(tls: try TestCertificates()) { server async throws in
            server.addAccount(Account("weir"), token: "old")
            var connection = server.connection()
            connection.proof = .tokenFile(path)
            try await withClient(connection) { client async throws in
                _ = try await client.find(secret)
                try folder.write("new\n", to: "token")
                server.addAccount(Account("weir"), token: "new")
                server.removeToken("old")
                #expect(try await client.find(secret) == nil)
                #expect(server.requests("get", .secrets).map(\.status) == [404, 401, 404])

                let told = Watched(0)
                let task = Task {
                    await ResourceFollower(client, .pods, of: Note.self).run { event in
                        if case .changed = event { told.update { $0 += 1 } }
                    }
                }
                try await server.waitForWatches(.pods)
                try folder.write("newest\n", to: "token")
                server.addAccount(Account("weir"), token: "newest")
                server.removeToken("new")
                server.cutWatches()
                try await server.waitForLog("the watch to be refused") { log in
                    log.contains { $0.verb == "watch" && $0.status == 401 }
                }
                server.put([:], at: pod("a"))
                try await told.wait(for: "the pod") { $0 == 1 }
                task.cancel()
                await task.value
            }
        }
    }

    @Test
    func `who may not do something is told what, where and who`() async throws {
        try await TestAPIServer.withRunning(tls: try TestCertificates()) { server async throws in
            server.addAccount(Account("system:serviceaccount:weir:weir", grants: []), token: "t")
            try await withClient(server.connection(token: "t")) { client async throws in
                let error = await #expect(throws: KubernetesError.self) { try await client.find(secret) }
                #expect(error?.isForbidden == true)
                #expect(
                    "\(try #require(error))"
                        == "the API server refused: status 403 (Forbidden): secrets \"s\" is forbidden: User "
                        + "\"system:serviceaccount:weir:weir\" cannot get resource \"secrets\" in API group \"\" in the "
                        + "namespace \"weir\"")
            }
        }
    }

    @Test
    func `a watch of a version that is gone may be refused at once; nothing compressed is asked for`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.refuse(.init(APIStatus(410, "Expired", "too old resource version"), verb: "watch"))
            server.refuse(
                .init(APIStatus(429, "TooManyRequests", "later", retryAfterSeconds: 1), verb: "list", count: 2))
            server.put([:], at: pod("a"))
            try await following(server) { told async throws in
                try await server.waitForWatches(.pods)
                #expect(Set(told.value.keys) == ["a"])
            }
            #expect(server.requests("list", .pods).map(\.status) == [429, 429, 200, 200])
            #expect(server.log.allSatisfy { $0.acceptEncoding == nil })
        }
    }
}
