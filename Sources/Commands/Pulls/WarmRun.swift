internal import ControlServer
internal import Timekeeping

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Has the service warm images, and shows how far it is.
struct WarmRun {
    /// What a deferred image waits where nobody said how long.
    private static let pauseDefault = Duration.seconds(300)

    private(set) var images: [WarmDocument]
    let progress = Progress()
    private let isQuiet: Bool
    private var begin = ContinuousClock.now
    private var shownAt: ContinuousClock.Instant?

    /// - Parameter isQuiet: whether lines about single images are left out.
    init(_ references: [String], isQuiet: Bool) {
        images = references.enumerated().map { WarmDocument(index: $0.offset, reference: $0.element) }
        self.isQuiet = isQuiet
    }

    /// Places of the images that are not done, and may be.
    var pending: [Int] { images.indices.filter { images[$0].state == .waiting || images[$0].state == .deferred } }

    /// How long to wait before the deferred ones are tried again; nil where none is.
    var pause: Duration? {
        let summary = document
        if summary.deferredCount == 0 { return nil }
        return summary.retryAfterSeconds.map { .seconds(max(1, $0)) } ?? Self.pauseDefault
    }

    mutating func perform(by client: ControlClient, platforms: [String], concurrency: Int) async throws {
        let places = pending
        let request = WarmRequest(
            references: places.map { images[$0].reference }, platforms: platforms, concurrency: concurrency)
        begin = ContinuousClock.now
        try await client.lines(.post, "/v1/warm", body: request, as: WarmDocument.self) { document in
            guard places.indices.contains(document.index) else { return }
            note(document, at: places[document.index])
        }
        progress.clear()
        // The service ended in the middle of it.
        for place in places where !images[place].state.isFinal {
            images[place].state = .failed
            images[place].problem = "the service broke off"
        }
    }

    private mutating func note(_ document: WarmDocument, at place: Int) {
        images[place] = document
        images[place].index = place
        if document.state.isFinal, !isQuiet {
            progress.clear()
            writeFully(Self.line(document), to: STDOUT_FILENO)
        }
        show(isDue: document.state.isFinal)
    }

    static func line(_ image: WarmDocument) -> String {
        let name = printable(image.reference)
        switch image.state {
        case .done:
            let pulls = counted(image.pulls, "pull")
            let total = SizeText.rounded(image.totalBytes ?? image.presentBytes)
            return image.fetchedBytes == 0 && image.pulls == 0
                ? "\(name): cached already, \(total)\n"
                : "\(name): fetched \(SizeText.rounded(image.fetchedBytes)) of \(total), \(pulls)\n"
        case .deferred:
            let until = image.retryAfterSeconds.map { "; again in \(TimeText.rough(.seconds($0)))" } ?? ""
            return "\(name): put off: \(image.problem.map(printable) ?? "not now")\(until)\n"
        case .failed, .waiting, .running: return "\(name): \(image.problem.map(printable) ?? "failed")\n"
        }
    }

    /// Images, bytes and rate, on one line.
    private mutating func show(isDue: Bool) {
        let now = ContinuousClock.now
        if !isDue, let shownAt, now - shownAt < .milliseconds(100) { return }
        shownAt = now
        let done = images.count { $0.state.isFinal }
        let running = images.filter { $0.state == .running }
        let fetched = images.reduce(0) { $0 + $1.fetchedBytes }
        let seconds = max(0.001, Double((now - begin) / .milliseconds(1)) / 1000)
        var text = "\(done) of \(images.count) images, \(SizeText.rounded(fetched))"
        text += ", \(SizeText.rounded(Int64(Double(fetched) / seconds)))/s"
        if let image = running.max(by: { ($0.totalBytes ?? 0) < ($1.totalBytes ?? 0) }) {
            let percent = image.totalBytes.map { $0 > 0 ? " \(image.presentBytes * 100 / $0) %" : "" } ?? ""
            let more = running.count > 1 ? " and \(running.count - 1) more" : ""
            text += "; \(printable(image.reference))\(percent)\(more)"
        }
        progress.show(text)
    }

    var document: WarmSummary { WarmSummary(images: images) }
}

/// What came of a warming.
struct WarmSummary: Encodable {
    let images: [WarmDocument]
    let pulls: Int
    let fetchedBytes: Int64
    let doneCount: Int
    let deferredCount: Int
    let failedCount: Int
    /// After how many seconds the first of those that were put off may be tried again, where somebody said.
    let retryAfterSeconds: Int64?

    init(images: [WarmDocument]) {
        self.images = images
        pulls = images.reduce(0) { $0 + $1.pulls }
        fetchedBytes = images.reduce(0) { $0 + $1.fetchedBytes }
        doneCount = images.count { $0.state == .done }
        deferredCount = images.count { $0.state == .deferred }
        failedCount = images.count - doneCount - deferredCount
        retryAfterSeconds = images.filter { $0.state == .deferred }.compactMap(\.retryAfterSeconds).min()
    }

    var isComplete: Bool { doneCount == images.count }

    /// The images themselves were told of one by one.
    var text: String {
        if images.isEmpty { return "no images\n" }
        let count = counted(images.count, "image")
        var text = "\(doneCount) of \(count) cached, \(SizeText.rounded(fetchedBytes)) fetched"
        text += ", \(counted(pulls, "pull"))"
        if deferredCount > 0 { text += "; \(deferredCount) put off" }
        if failedCount > 0 { text += "; \(failedCount) failed" }
        text += "\n"
        if deferredCount > 0 {
            let moment = retryAfterSeconds.map { "in \(TimeText.rough(.seconds(max(1, $0))))" } ?? "later"
            text += "more can be pulled \(moment): repeat the command then, or have it wait with --wait\n"
        }
        return text
    }
}
