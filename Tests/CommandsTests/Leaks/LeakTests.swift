import AsyncHTTPClient
import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import NIOSSL
import RegistryTestKit
import Testing

@testable import Commands

/// Secrets are put everywhere they may stand; then everything that the process emits and stores is searched for them.
@Suite struct LeakTests {
    typealias Place = PlantedSecrets.Place

    /// What came out, by where.
    private struct Emitted {
        var texts: [(place: String, text: String)] = []

        mutating func add(_ place: String, _ text: String) { texts.append((place, text)) }

        /// The places that hold the public mark.
        var marked: Set<String> { Set(texts.filter { $0.text.contains(PlantedSecrets.canary) }.map(\.place)) }
    }

    private struct Client {
        let http: HTTPClient
        let origin: String

        /// What an answer says, its fields with it.
        func get(
            _ path: String, fields: [(String, String)] = []
        ) async throws -> (status: Int, text: String, fields: String) {
            var request = HTTPClientRequest(url: "\(origin)\(path)")
            for (name, value) in fields { request.headers.add(name: name, value: value) }
            let response = try await http.execute(request, timeout: .seconds(20))
            let body = try await response.body.collect(upTo: 1 << 24)
            return (Int(response.status.code), String(buffer: body), "\(response.headers)")
        }
    }

    @Test func `each form of a secret is found`() {
        let secrets = PlantedSecrets()
        #expect(secrets.found(in: "nothing hush of note") == [])
        for place in Place.allCases {
            let secret = PlantedSecrets.secret(place)
            let escaped = secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            var texts = ["x\(secret)x", "a=\(escaped)&b", "\u{0}\(secret)\u{0}"]
            for user in ["", "u", "us", "use"] { texts.append(PlantedSecrets.basic(user, place)) }
            for text in texts {
                #expect(secrets.found(in: text).contains { $0.hasPrefix(place.rawValue) }, "\(place): \(text)")
            }
        }
    }

    @Test(.timeLimit(.minutes(2))) func `no secret is in anything that the process emits or stores`() async throws {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.tlsConfiguration = .makeClientConfiguration()
        configuration.tlsConfiguration?.certificateVerification = .none
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            try await LeakScene.with { try await search($0, by: http) }
        } catch {
            try await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }

    private func search(_ scene: LeakScene, by http: HTTPClient) async throws {
        let keys = try [scene.certificates.serverKeyFile, scene.certificates.clientKeyFile]
            .flatMap(PlantedSecrets.lines(ofKey:))
        let age = try String(contentsOfFile: "\(LeakScene.fixtures)/key.txt", encoding: .utf8).split(separator: "\n")
        let secrets = PlantedSecrets(and: keys + [("the age key", String(try #require(age.last)))])
        var emitted = Emitted()
        let service = try RunningWeir(
            serving: scene.folder, yaml: scene.settings, environment: scene.environment)
        let client = Client(http: http, origin: try await service.url())
        try await pull(scene, by: client, into: &emitted)
        try await rotate(scene, by: client)
        try await ask(scene, by: client, into: &emitted)
        try await command(scene, into: &emitted)
        try await misconfigure(scene, into: &emitted)
        emitted.add("standard output", service.output)
        // While it runs, since the write-ahead log is gone afterwards.
        let running = try stored(in: scene.folder)
        #expect(await service.end() == 0)
        emitted.add("log", service.errors)
        #expect(service.errors.contains(" DEBUG "), "what is written in detail is part of it")
        for (place, text) in emitted.texts { #expect(secrets.found(in: text) == [], "\(place)") }
        for (name, data) in try running + stored(in: scene.folder) {
            #expect(secrets.found(in: data) == [], "\(name)")
        }
        try expectThatEverythingWasSearched(emitted, running, secrets, scene)
    }

    /// A search of the wrong places finds nothing as well.
    private func expectThatEverythingWasSearched(
        _ emitted: Emitted, _ files: [(name: String, data: Data)], _ secrets: PlantedSecrets, _ scene: LeakScene
    ) throws {
        for place in ["log", "answers", "control", "/metrics", "status --json", "config show", "quota spend --by tag"] {
            #expect(emitted.marked.contains(place), "\(place)")
        }
        let marked = files.filter { PlantedSecrets.holds($0.data, Array(PlantedSecrets.canary.utf8)) }.map(\.name)
        #expect(marked.contains { $0.hasPrefix("store/catalogue.sqlite") }, "\(marked)")
        #expect(files.contains { $0.name == "store/catalogue.sqlite-wal" }, "\(files.map(\.name))")
        for name in LeakScene.holders.subtracting(["key.json"]) {
            let data = try Data(contentsOf: URL(filePath: "\(scene.folder.path)/\(name)"))
            #expect(secrets.found(in: data) != [], "\(name)")
        }
        // What was planted was shown: to upstreams, clouds and the proxy.
        var seen = scene.proxy.tunnels.compactMap(\.authorization)
        for request in scene.registry.requests + scene.secure.requests {
            seen += request.headers.map(\.value)
            seen += [request.body, request.query ?? ""]
        }
        for request in scene.cloud.requests {
            seen += request.fields.map(\.value)
            seen += [request.body, request.query]
        }
        let shown = Set(secrets.found(in: seen.joined(separator: "\n")).compactMap { $0.split(separator: ",").first })
        let hidden: Set<Place> = [
            .otherSOPS, .agePassphrase, .client, .query, .cookie, .upstreamURL, .awsKey, .helperErrors,
        ]
        for place in Place.allCases where !hidden.contains(place) {
            #expect(shown.contains(Substring(place.rawValue)), "\(place) was shown to nobody")
        }
    }

    // MARK: What is done

    private static let fields = [
        ("Accept", "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"),
        ("Authorization", PlantedSecrets.basic("client", .client)),
        ("Cookie", "session=\(PlantedSecrets.secret(.cookie))"),
        ("X-Registry-Auth", PlantedSecrets.secret(.client)),
        ("Weir-Client", "ci"),
    ]

    /// Pulls that succeed, cold and then warm, and pulls that fail.
    private func pull(_ scene: LeakScene, by client: Client, into emitted: inout Emitted) async throws {
        let query = PlantedSecrets.secret(.query).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        for rule in LeakScene.served + LeakScene.failing + [PlantedSecrets.canary] {
            let name = ["signed", "echo", "lost"].contains(rule) ? "library/\(rule)" : LeakScene.repository
            for path in ["manifests/1", "manifests/1", "manifests/\(PlantedSecrets.canary)", "tags/list"] {
                let answer = try await client.get("/v2/\(rule)/\(name)/\(path)?token=\(query)", fields: Self.fields)
                emitted.add("answers", "\(rule) \(answer.text)\(answer.fields)")
                if path == "manifests/1" {
                    let isServed = LeakScene.served.contains(rule) || rule == "lost" || rule == PlantedSecrets.canary
                    #expect((answer.status == 200) == isServed, "\(rule): \(answer)")
                }
                guard path == "manifests/1", answer.status == 200 else { continue }
                for digest in answer.text.matches(of: /sha256:[0-9a-f]{64}/).map(\.output) {
                    let blob = try await client.get("/v2/\(rule)/\(name)/blobs/\(digest)", fields: Self.fields)
                    emitted.add("answers", blob.fields + (blob.status == 200 ? "" : blob.text))
                    #expect((blob.status == 200) == (rule != "lost"), "\(rule): \(blob)")
                }
            }
        }
    }

    /// The file's secret changes; what the upstream gave for the one before is no longer good.
    private func rotate(_ scene: LeakScene, by client: Client) async throws {
        try scene.writeToken(.secondFile)
        scene.authority.settings.refreshTokens = [PlantedSecrets.secret(.secondFile): "filed"]
        scene.authority.expireTokens()
        for tag in 2... {
            // A new name each time, since an absence is remembered.
            scene.registry.addSingleImage(repository: LeakScene.repository, tag: "\(tag)", layerSizes: [100])
            if try await client.get("/v2/file/\(LeakScene.repository)/manifests/\(tag)").status == 200 { return }
        }
    }

    private func ask(_ scene: LeakScene, by client: Client, into emitted: inout Emitted) async throws {
        for path in ["/metrics", "/healthz", "/readyz", "/v2/", "/v2/_catalog", "/nothing?x=1"] {
            let answer = try await client.get(path, fields: Self.fields)
            emitted.add(path, "\(answer.fields)\(answer.text)")
        }
        let socket = "\(scene.folder.path)/store/control.sock"
        let control = Client(
            http: client.http,
            origin: "http+unix://" + (socket.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""))
        for path in [
            "/v1/status", "/v1/quota", "/v1/pins", "/v1/cluster", "/metrics", "/v1/spend?by=tag&since=86400&limit=100",
        ] {
            let answer = try await control.get(path, fields: Self.fields)
            emitted.add("control", "\(answer.fields)\(answer.text)")
        }
    }

    private func command(_ scene: LeakScene, into emitted: inout Emitted) async throws {
        let images = LeakScene.served + LeakScene.failing
        let references = images.map { "\($0)/\(LeakScene.repository):1" }
        try scene.folder.write(references.joined(separator: "\n"), to: "images.txt")
        var commands: [[String]] = [
            ["status"], ["status", "--json"], ["config", "show"], ["config", "show", "--json"], ["config", "check"],
            ["quota"], ["quota", "show", "--json"], ["quota", "probe", "echo"], ["plan", "images.txt"],
            ["plan", "--json", "images.txt"], ["warm", "images.txt"], ["reload"], ["pins"],
            ["client-config", "docker", "--address", "weir.test:5000"],
            ["gc", "--dry-run"],
        ]
        commands += ["client", "repository", "rule", "tag"].map { ["quota", "spend", "--by", $0] }
        commands += ["literal", "refused", "environment", "nohelper", "proxied", "acr"].flatMap { rule in
            [
                ["rules", "validate", rule, "--image", "library/app:1"], ["explain", "\(rule)/library/app:1"],
                ["refresh", "\(rule)/library/app:1"],
            ]
        }
        for (arguments, outcome) in try await run(commands, scene) {
            emitted.add(arguments.joined(separator: " "), outcome.output + outcome.errors)
            // A line of words that are wrong would be searched for nothing.
            #expect(outcome.code != 2, "\(arguments): \(outcome.errors)")
        }
    }

    /// Two at a time, since each is a process.
    private func run(_ commands: [[String]], _ scene: LeakScene) async throws -> [([String], ProgramTests.Outcome)] {
        let (environment, path) = (scene.environment, scene.folder.path)
        return try await withThrowingTaskGroup(of: ([String], ProgramTests.Outcome).self) { group in
            var outcomes: [([String], ProgramTests.Outcome)] = []
            for (index, arguments) in commands.enumerated() {
                if index >= 2, let done = try await group.next() { outcomes.append(done) }
                group.addTask {
                    // Where two configurations are named, the last one holds.
                    let named = arguments.contains("--config") ? arguments : arguments + ["--config", "weir.yaml"]
                    return (
                        arguments,
                        try await ProgramTests.run(named, environment: environment, directory: path)
                    )
                }
            }
            for try await done in group { outcomes.append(done) }
            return outcomes
        }
    }

    /// Configurations that are wrong where a secret stands: what says so must not repeat it.
    private func misconfigure(_ scene: LeakScene, into emitted: inout Emitted) async throws {
        let secret = PlantedSecrets.secret(.literal)
        let url = "me:\(PlantedSecrets.secret(.upstreamURL))@127.0.0.1:1"
        let rule = "registry: r.io, username: me"
        let wrong = [
            "rules: { a: { registry: \"https://\(url)\" } }", "rules: { a: { registry: \"\(url)\" } }",
            "proxy: { https: \"ftp://\(url)/x y\" }", "proxy: { http: \"\(url):bad\" }",
            "rules: { a: { \(rule), accesToken: \"\(secret)\" } }",
            "rules: { a: { \(rule), accessToken: [\"\(secret)\"] } }",
            "rules: { a: { \(rule), accessToken: { \"\(secret)\": 1 } } }",
            "rules: { a: { registry: r.io, username: \"x:\(secret)\", accessToken: y } }",
            "rules: { a: { \(rule), accessToken: \"\(secret)\", password: \"\(secret)\", identityToken: \"\(secret)\" } }",
            "rules: { a: { \(rule), accessToken: \"\(secret)\n  b: ] } }", "storage: { limit: \"${env:P}\" }",
            "listen: \"${env:P}\"", "storage: { limit: \"${file:token}\" }", "log: { level: \"${env:P}\" }",
            "decryption: { ageKey: \"\(secret)\" }\nrulesFrom: \(LeakScene.fixtures)/accounts.yaml",
            "rules: { a: { registry: a.azurecr.io, azure: { clientSecret: \"\(secret)\" } } }",
            "rulesFrom: \(LeakScene.fixtures)/wrong.yaml\ndecryption: { ageKeyFile: \(LeakScene.fixtures)/key.txt }",
            "tls: { certificate: token, key: token }\nstorage: { directory: other }\ncontrol: { socket: s }",
            "rules: { a: { registry: r.io, tls: { certificate: token, key: \"\(scene.certificates.clientKeyFile)x\" } } }",
        ]
        var commands: [[String]] = []
        for (index, text) in wrong.enumerated() {
            try scene.folder.write(text, to: "wrong-\(index).yaml")
            commands.append([text.hasPrefix("tls:") ? "serve" : "config", "check", "--config", "wrong-\(index).yaml"])
            if text.hasPrefix("tls:") { commands[index].remove(at: 1) }
        }
        for (arguments, outcome) in try await run(commands, scene) {
            emitted.add(arguments.joined(separator: " "), outcome.output + outcome.errors)
            #expect(outcome.code != 0, "\(arguments): \(outcome.output)")
        }
        // The running service says it too, in its answer and in its log.
        for text in [wrong[1], wrong[4], wrong[9]] {
            try scene.folder.write("\(text)\nlisten: 127.0.0.1:0\nstorage: { directory: store }\n")
            for (_, outcome) in try await run([["reload"]], scene) {
                emitted.add("reload", outcome.output + outcome.errors)
                #expect(outcome.code == 2 || outcome.code == 1, "\(outcome)")
            }
        }
    }

    /// Every file of the service's folder but those that hold secrets by intent.
    private func stored(in folder: Folder) throws -> [(name: String, data: Data)] {
        let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return names.compactMap { name in
            if LeakScene.holders.contains(name) || name.hasPrefix("wrong-") { return nil }
            var status = stat()
            guard lstat("\(folder.path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            return FileManager.default.contents(atPath: "\(folder.path)/\(name)").map { (name, $0) }
        }
    }
}
