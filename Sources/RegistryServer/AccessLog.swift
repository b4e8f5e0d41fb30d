internal import Logging
internal import PullThroughCache

/// One line for every answer.
struct AccessLog: Sendable {
    let logger: Logger
    /// Whether lines are written at all: nothing is put together otherwise.
    let isEnabled: Bool

    init(logger: Logger, isEnabled: Bool) {
        self.logger = logger
        self.isEnabled = isEnabled && logger.logLevel <= .info
    }

    func record(_ exchange: Exchange, status: Int, nanoseconds: Int64, isComplete: Bool) {
        guard isEnabled else { return }
        let request = exchange.pending.request
        var metadata: Logger.Metadata = [
            "client": "\(request.client.address)",
            "method": "\(sanitised(exchange.pending.method, limit: 16))",
            "status": "\(status)",
            "bytes": "\(exchange.bytesSent)",
            "duration_ms": "\(nanoseconds / 1_000_000)",
        ]
        // The query is left out: nothing in it is needed but `ns`, and clients put all kinds of things there.
        let mark = request.target.firstIndex(of: "?")
        metadata["path"] = "\(sanitised(request.target[..<(mark ?? request.target.endIndex)], limit: 512))"
        if let mark {
            let query = RequestQuery(request.target[request.target.index(after: mark)...])
            if let namespace = try? query.value(of: "ns") { metadata["ns"] = "\(sanitised(namespace, limit: 255))" }
        }
        if let status = exchange.answer?.cacheStatus { metadata["cache"] = "\(status)" }
        if let agent = request.fields.userAgent { metadata["user_agent"] = "\(sanitised(agent, limit: 128))" }
        if !isComplete { metadata["complete"] = "false" }
        logger.info("request", metadata: metadata)
    }

    /// Printable ASCII only, so that a client cannot forge lines or colour a terminal.
    private func sanitised(_ text: some StringProtocol, limit: Int) -> String {
        String(
            decoding: text.utf8.prefix(limit).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
    }
}
