internal import ArgumentParser
internal import Logging
internal import OCI
internal import PullThroughCache

struct CheckStoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsck", abstract: "Check the store while no service runs: sizes, digests, catalogue, journal.",
        discussion: """
            Reads every blob whole. Changes nothing without --repair. With --rebuild a catalogue that is damaged or lost \
            is made anew from what is stored, without asking any upstream; the old one is kept as catalogue.sqlite.old. \
            Exits with 1 where something is wrong and was not put right.
            """)

    @Flag(help: "Put right what can be: what is damaged is removed, and fetched anew when it is pulled.")
    var repair = false
    @Flag(help: "Make the catalogue anew first.")
    var rebuild = false
    @Option(help: ArgumentHelp("Where blobs and catalogue are kept.", valueName: "path"), completion: .directory)
    var storageDirectory: String?
    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let flags = storageDirectory.map { [("--storage-directory", ["storage", "directory"], $0)] } ?? []
        let service = try options.load(flags: flags).service
        let level = SharedLogLevel(.warning)
        LoggingSystem.bootstrap { _ in StandardErrorLog(format: .text, level: level) }
        let store = try await StoreMaintenance(service, logger: Logger(label: "weir"))
        let result: Result<CheckDocument, any Error>
        do {
            result = .success(try await check(store))
        } catch {
            result = .failure(error)
        }
        await store.close()
        let document = try Self.document(result)
        try output.write(document) { document.text }
        if document.needsAttention {
            throw CommandFailure(
                .failure, repair ? "not everything could be put right" : "'weir fsck --repair' puts this right")
        }
    }

    private func check(_ store: StoreMaintenance) async throws -> CheckDocument {
        let progress = Progress()
        let show = ProgressDisplay(progress: progress)
        defer { progress.clear() }
        let rebuilt = rebuild ? try await store.rebuild { show.update($0) } : nil
        return CheckDocument(try await store.check(repairs: repair) { show.update($0) }, rebuilt: rebuilt)
    }

    private static func document(_ result: Result<CheckDocument, any Error>) throws(CommandFailure) -> CheckDocument {
        do {
            return try result.get()
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(.failure, "the check was not finished: \(error)")
        }
    }
}
