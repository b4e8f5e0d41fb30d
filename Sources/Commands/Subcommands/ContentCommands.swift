internal import ArgumentParser
internal import ControlServer
internal import Timekeeping

struct PinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Keep an image whatever its last pull, also one that is not cached yet.")

    @OptionGroup var reference: ReferenceArgument
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let pin = try await service.client().request(
            .put, "/v1/pins", query: [("reference", reference.reference)], as: PinDocument.self)
        try output.write(pin) { "pinned \(imageText("\(pin.rule)/\(pin.repository)", pin.reference))\n" }
    }
}

struct UnpinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "Let an image be evicted again when its turn comes.")

    @OptionGroup var reference: ReferenceArgument
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let pin = try await service.client().request(
            .delete, "/v1/pins", query: [("reference", reference.reference)], as: PinDocument.self)
        try output.write(pin) { "unpinned \(imageText("\(pin.rule)/\(pin.repository)", pin.reference))\n" }
    }
}

struct PinsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pins", abstract: "List what is pinned.")

    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let pins = try await service.client().request(.get, "/v1/pins", as: [PinDocument].self)
        try output.write(pins) {
            if pins.isEmpty { return "nothing is pinned\n" }
            var table = TextTable(["rule", "repository", "reference"])
            for pin in pins { table.append([pin.rule, pin.repository, pin.reference]) }
            return table.text
        }
    }
}

struct EvictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evict", abstract: "Remove an image from the store now, even if it is pinned.",
        discussion: "Blobs that other images name stay. Exits with 4 where the image is not cached.")

    @OptionGroup var reference: ReferenceArgument
    @Flag(help: "Tell what would go, and remove nothing.")
    var dryRun = false
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try service.client()
        let query = [("reference", reference.reference), ("dryRun", dryRun ? "true" : "false")]
        let document = try await Progress().during("Evicting") {
            try await client.request(
                .post, "/v1/evict", query: query, timeout: .seconds(600), as: CollectionDocument.self)
        }
        try output.write(document) { CollectCommand.text(document, now: SystemWallClock().now()) }
    }
}

struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Evict down to the low watermark if the store is above the high one, and remove "
            + "what no image names.",
        discussion: "The service does this by itself; pulls go on meanwhile.")

    @Flag(help: "Tell what would go, and remove nothing.")
    var dryRun = false
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try service.client()
        let query = [("dryRun", dryRun ? "true" : "false")]
        let document = try await Progress().during("Collecting") {
            try await client.request(
                .post, "/v1/gc", query: query, timeout: .seconds(3600), as: CollectionDocument.self)
        }
        try output.write(document) { Self.text(document, now: SystemWallClock().now()) }
    }

    static func text(_ document: CollectionDocument, now: Timestamp) -> String {
        var text = ""
        if !document.images.isEmpty {
            var table = TextTable(["rule", "repository", "tags", "digest", "last pull"])
            for image in document.images {
                table.append([
                    image.rule, image.repository, image.tags.isEmpty ? "-" : image.tags.joined(separator: ","),
                    String(image.digest.prefix(19)),
                    TimeText.relative(Timestamp(milliseconds: image.lastPulledAt), to: now),
                ])
            }
            text += table.text + "\n"
        }
        let images = counted(document.images.count, "image")
        let blobs = counted(document.blobCount, "blob")
        text += document.isDryRun ? "would remove " : "removed "
        text += "\(images) and \(blobs), \(SizeText.rounded(document.freedBytes))"
        text += "; the store \(document.isDryRun ? "has" : "had") \(SizeText.rounded(document.storedBytesBefore))"
        if let limit = document.limitBytes { text += " of \(SizeText.rounded(limit))" }
        return text + "\n"
    }
}
