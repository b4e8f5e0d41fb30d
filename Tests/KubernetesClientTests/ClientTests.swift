import KubernetesClient
import KubernetesTestKit
import Testing

@Suite struct ClientTests {
    private let secret = ObjectAddress(.secrets, namespace: "weir", name: "s")

    private func document(_ name: String = "s", data: JSONTree = ["a": "YQ=="]) -> JSONTree {
        ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": .string(name)], "data": data]
    }

    @Test
    func `objects are created, read, replaced, patched and deleted`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            try await withClient(server.connection()) { client async throws in
                #expect(try await client.find(secret) == nil)
                let created = try await client.create(document(), at: secret)
                #expect(created.at("metadata", "resourceVersion")?.string == "1001")
                await #expect(throws: KubernetesError.self) { try await client.create(document(), at: secret) }
                let merged = try await client.patch(secret, .merge, ["data": ["a": .null, "b": "Yg=="]])
                #expect(merged["data"] == ["b": "Yg=="])
                let patched = try await client.patch(
                    secret, .json,
                    [
                        ["op": "test", "path": "/data/b", "value": "Yg=="],
                        ["op": "add", "path": "/data/c", "value": "Yw=="],
                    ])
                #expect(patched["data"] == ["b": "Yg==", "c": "Yw=="])
                var replacement = patched
                replacement["data"] = [:]
                #expect(try await client.replace(secret, with: replacement)["data"] == [:])
                #expect(try await client.delete(secret))
                #expect(try await !client.delete(secret))
                let isMissing = await #expect(throws: KubernetesError.self) { try await client.get(secret) as JSONTree }
                #expect(isMissing?.isNotFound == true)
            }
        }
    }

    @Test
    func `applied fields belong to their manager until somebody forces them`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            try await withClient(server.connection()) { client async throws in
                let intent = { (value: String) -> JSONTree in document(data: ["a": .string(value)]) }
                try await client.patch(secret, .apply(manager: "weir", force: false), intent("YQ=="))
                let conflict = await #expect(throws: KubernetesError.self) {
                    try await client.patch(secret, .apply(manager: "other", force: false), intent("Yg=="))
                }
                #expect(conflict?.isConflict == true)
                let forced = try await client.patch(secret, .apply(manager: "other", force: true), intent("Yg=="))
                #expect(forced["data"] == ["a": "Yg=="])
            }
        }
    }

    @Test
    func `a change goes on from what others wrote meanwhile`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.put(["data": ["a": "YQ=="]], at: secret)
            let address = secret
            try await withClient(server.connection()) { client async throws in
                let result = try await client.modify(address) { object in
                    if object.at("data", "b") == nil { server.put(["data": ["a": "YQ==", "b": "Yg=="]], at: address) }
                    var object = object
                    object["data"]?["c"] = "Yw=="
                    return object
                }
                #expect(result?["data"] == ["a": "YQ==", "b": "Yg==", "c": "Yw=="])
                #expect(server.requests("update", .secrets).map(\.status) == [409, 200])
                let unchanged = try await client.modify(address) { _ in nil }
                #expect(unchanged?["data"] == result?["data"])
                #expect(try await client.modify(ObjectAddress(.secrets, name: "none")) { $0 } == nil)
            }
        }
    }

    @Test
    func `lists come in pages of one state`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            for number in 1...5 { server.put([:], at: ObjectAddress(.pods, namespace: "n", name: "p\(number)")) }
            try await withClient(server.connection()) { client async throws in
                let first = try await client.list(.pods, of: JSONTree.self, limit: 2)
                server.put([:], at: ObjectAddress(.pods, namespace: "n", name: "p0"))
                server.put([:], at: ObjectAddress(.pods, namespace: "n", name: "p9"))
                let second = try await client.list(
                    .pods, of: JSONTree.self, limit: 10, continueToken: first.continueToken)
                let names = (first.items + second.items).compactMap { $0.at("metadata", "name")?.string }
                #expect(names == ["p1", "p2", "p3", "p4", "p5"])
                #expect(second.continueToken == nil)
                server.compact()
                let gone = await #expect(throws: KubernetesError.self) {
                    try await client.list(.pods, of: JSONTree.self, continueToken: first.continueToken)
                }
                #expect(gone?.isExpired == true)
                #expect(gone?.status?.continueToken != nil)
            }
        }
    }

    @Test
    func `a server that is too busy is asked again when it says so`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.put([:], at: secret)
            server.refuse(
                .init(APIStatus(429, "TooManyRequests", "slow down", retryAfterSeconds: 7), verb: "get", count: 2))
            let pauses = Pauses()
            try await withClient(server.connection(), pauses: pauses) { client async throws in
                #expect(try await client.find(secret) != nil)
                #expect(pauses.all.count == 2)
                #expect(pauses.all.allSatisfy { (.seconds(7) ... .milliseconds(7250)).contains($0) })
                server.refuse(.init(APIStatus(500, "InternalError", "no"), verb: "get"))
                await #expect(throws: KubernetesError.self) { try await client.find(secret) }
                #expect(pauses.all.count == 2)
            }
        }
    }

    @Test
    func `who is not known or not allowed is told so, by type`() async throws {
        try await TestAPIServer.withRunning(tls: try TestCertificatesHolder.shared()) { server async throws in
            server.put([:], at: secret)
            server.addAccount(
                Account("reader", grants: [Grant(["get"], .secrets, namespace: "weir", names: ["s"])]), token: "good")
            try await withClient(server.connection(token: "good")) { client async throws in
                #expect(try await client.find(secret) != nil)
                for address in [
                    ObjectAddress(.secrets, namespace: "weir", name: "t"),
                    ObjectAddress(.secrets, namespace: "x", name: "s"),
                ] {
                    let error = await #expect(throws: KubernetesError.self) { try await client.find(address) }
                    #expect(error?.isForbidden == true)
                }
            }
            try await withClient(server.connection(token: "bad")) { client async throws in
                let error = await #expect(throws: KubernetesError.self) { try await client.find(secret) }
                #expect(error?.status?.code == 401)
            }
        }
    }

    @Test(arguments: ["", ".", "..", "a/b", "A", "a?b", "a%2Fb", String(repeating: "a", count: 254)])
    func `a name that no object can have asks for nothing`(_ name: String) async throws {
        try await TestAPIServer.withRunning { server async throws in
            try await withClient(server.connection()) { client async throws in
                #expect(try await client.find(ObjectAddress(.secrets, namespace: "n", name: name)) == nil)
                #expect(server.log.isEmpty)
            }
        }
    }

    @Test
    func `an answer beyond the bound, and one that is cut, are errors`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.put(["data": ["a": .string(String(repeating: "YQ==", count: 5000))]], at: secret)
            try await withClient(server.connection(), limits: .init(answerBytes: 10_000)) { client async throws in
                await #expect(throws: KubernetesError.tooLarge(limitBytes: 10_000)) { try await client.find(secret) }
            }
            try await withClient(server.connection()) { client async throws in
                await server.goDown()
                let error = await #expect(throws: KubernetesError.self) { try await client.find(secret) }
                guard case .unreachable = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
            }
        }
    }

    @Test
    func `JSON is written as it was read`() throws {
        let text = #"{"a":[1,-2,1.5,true,null,"q\"\\\n\u0001é"],"b":{}}"#
        #expect(try JSONTree(parsing: text.utf8).text == text)
        #expect(throws: JSONTreeError.self) { try JSONTree(parsing: "{".utf8) }
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2024-02-29T23:59:59Z", 1_709_251_199),
        ("2000-01-01T01:00:00+01:00", 946_684_800),
        ("1969-12-31T23:59:59.5Z", -1), ("2024-05-01T10:00:00.123456Z", 1_714_557_600),
    ])
    func `moments are read in every form that servers write`(_ text: String, _ seconds: Int64) {
        #expect(RFC3339.seconds(text) == seconds)
        #expect(RFC3339.seconds(RFC3339.format(seconds: seconds)) == seconds)
        #expect(RFC3339.milliseconds(RFC3339.microTime(milliseconds: seconds * 1000 + 7)) == seconds * 1000 + 7)
    }

    @Test(arguments: [
        "", "2024", "2024-13-01T00:00:00Z", "2024-01-01 00:00:00", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z",
    ])
    func `moments that are none are refused`(_ text: String) { #expect(RFC3339.seconds(text) == nil) }
}
