import Foundation
import Glibc
import RegistryTestKit
import Testing

@testable import Commands

/// Signals that come while a program starts, and while it ends.
@Suite(.timeLimit(.minutes(2))) struct SignalTests {
    enum Program: CaseIterable {
        case serve, webhook, node, keep

        var reloads: Bool { self == .serve || self == .webhook }

        func start() throws -> RunningWeir {
            let folder = try Folder()
            switch self {
            case .serve: return try RunningWeir(serving: folder)
            case .webhook:
                let certificates = try TestCertificates()
                for (file, name) in [
                    (certificates.serverCertificateFile, "tls.crt"), (certificates.serverKeyFile, "tls.key"),
                ] {
                    try FileManager.default.copyItem(atPath: file, toPath: "\(folder.path)/\(name)")
                }
                try folder.write(
                    """
                    rewrite: { rules: [{ match: { registry: a.example }, replace: "b.example/{repository}" }] }
                    webhook: { listen: 127.0.0.1:0, tls: { certificate: tls.crt, key: tls.key } }
                    """)
                return try RunningWeir(["webhook", "--config", "weir.yaml"], in: folder)
            case .node:
                try folder.write(
                    """
                    node:
                      listen: 127.0.0.1:0
                      containerd: { socket: nowhere.sock }
                      directory: identity
                      socket: node.sock
                      pages: []
                      peers: { listen: [/ip4/127.0.0.1/tcp/0], advertise: [/ip4/127.0.0.1/tcp/1] }
                    """)
                return try RunningWeir(["node", "--config", "weir.yaml"], in: folder)
            case .keep:
                return try RunningWeir(
                    ["node-config", "keep", "--folder", "certs.d", "--mirror", "http://127.0.0.1:5000"], in: folder)
            }
        }
    }

    @Test(arguments: Program.allCases)
    func `SIGHUP ends nothing, however early it comes, and is answered afterwards`(_ program: Program) async throws {
        let answer = program.reloads ? "The configuration was reloaded" : "SIGHUP changes nothing here"
        // A storm may hide a moment at which one alone would end the process, and the other way round.
        for count in [1, 1, 50] {
            let weir = try program.start()
            try await weir.catches(SIGHUP)
            for _ in 0..<count {
                weir.signal(SIGHUP)
                await Task.yield()
            }
            try await weir.logged(answer)
            // While it ends as well.
            weir.signal(SIGTERM)
            for _ in 0..<count { weir.signal(SIGHUP) }
            #expect(await weir.exitCode() == 0, "\(weir.errors)")
        }
    }

    @Test(arguments: Program.allCases, [SIGTERM, SIGINT])
    func `what ends a program ends it in order while it starts`(_ program: Program, _ number: Int32) async throws {
        let weir = try program.start()
        try await weir.catches(SIGINT)
        weir.signal(number)
        #expect(await weir.exitCode() == 0, "\(weir.errors)")
    }

    @Test(arguments: [SIGHUP, SIGTERM, SIGINT])
    func `a command that does not stay is ended by each of them`(_ number: Int32) async throws {
        try await TestRegistry.withRunning { nodes in
            let weir = try RunningWeir(
                ["spegel", "cleanup-wait", "--probe-endpoint", nodes.authority], in: try Folder())
            try await nodes.waitForRequests(count: 1)
            weir.signal(number)
            #expect(await weir.exitCode() == number)
        }
    }
}
