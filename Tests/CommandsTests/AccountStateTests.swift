import ControlServer
import Foundation
import FoundationNetworking
import RegistryTestKit
import Testing

@testable import Commands

/// An account that is of no use any more: who is told, and what is served all the same.
@Suite struct AccountStateTests {
    private func status(_ url: String) async throws -> (code: Int, text: String) {
        let (data, response) = try await URLSession.shared.data(from: try #require(URL(string: url)))
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a refused account is told once in each place, and takes nothing away that is cached`() async throws {
        try await TestRegistry.withRunning { registry in
            let image = registry.addSingleImage(repository: "team/app", tag: "latest", layerSizes: [1000])
            registry.access = .basic(username: "me", password: "first")
            let folder = try Folder()
            try folder.write("first", to: "token")
            let service = try RunningWeir(
                serving: folder,
                yaml: """
                    wellKnownRegistries: false
                    freshness: { moving: 0s }
                    rules:
                      lab: { registry: "\(registry.url)", host: none, attempts: 1, username: me, accessToken: "${file:token}" }
                    """)
            let url = try await service.url()
            let paths = ["manifests/latest"] + image.blobs.map { "blobs/\($0.digest)" }
            for path in paths { #expect(try await status("\(url)/v2/lab/team/app/\(path)").code == 200, "\(path)") }
            #expect(
                try await status("\(url)/metrics").text.contains(
                    #"weir_account_condition{account="default",condition="good",rule="lab"} 1"#))

            registry.access = .basic(username: "me", password: "second")
            var metrics = ""
            // Each of these logs in, and is refused; a login that is refused over and over is the account's.
            for number in 0..<50 where !metrics.contains(#"condition="refused""#) {
                #expect(try await status("\(url)/v2/lab/team/other-\(number)/manifests/1").code != 200)
                metrics = try await status("\(url)/metrics").text
            }
            #expect(metrics.contains(#"weir_account_condition{account="default",condition="refused",rule="lab"} 1"#))
            #expect(!metrics.contains(#"condition="good""#), "one condition at a time")
            for path in paths { #expect(try await status("\(url)/v2/lab/team/app/\(path)").code == 200, "\(path)") }
            let shown = try await ProgramTests.run(["status", "--config", "weir.yaml"], directory: folder.path)
            #expect(shown.output.contains("Accounts to look at:\n  lab: default refused (the file "), "\(shown.output)")
            let json = try await ProgramTests.run(
                ["status", "--json", "--config", "weir.yaml"], directory: folder.path)
            #expect(json.output.contains(#""condition" : "refused""#), "\(json.output)")
            #expect(await service.end() == 0)
            #expect(service.errors.ranges(of: "An account needs attention").count == 1, "\(service.errors)")
        }
    }
}
