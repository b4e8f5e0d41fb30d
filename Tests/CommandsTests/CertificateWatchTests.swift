import Logging
import RegistryTestKit
import Testing

@testable import Commands

@Suite(.timeLimit(.minutes(1))) struct CertificateWatchTests {
    private struct Unusable: Error {}

    @Test func `files that change are read again, and until all can be used, each time`() async throws {
        let folder = try Folder()
        let file = try folder.write("first", to: "tls.crt")
        let reads = Watched(0)
        let watch = CertificateWatch(
            files: [file, folder.path + "/absent"], interval: .milliseconds(5),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) {
            reads.update { $0 += 1 }
            if reads.read({ $0 }) < 3 { throw Unusable() }
        }
        let watching = Task { await watch.run() }
        // What is written before the watch has looked is not news; so it is written until it is seen.
        var count = 0
        while reads.read({ $0 }) == 0 {
            count += 1
            try folder.write(String(repeating: "x", count: count), to: "tls.crt")
            try await Task.sleep(for: .milliseconds(20))
        }
        try await reads.wait(for: "the third reading") { $0 >= 3 }
        watching.cancel()
        await watching.value
    }
}
