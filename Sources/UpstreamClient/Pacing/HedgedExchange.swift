internal import NIOCore
internal import NIOHTTP1

/// Asks, and asks once more on another connection where the first is slow; the first answer counts, and the other
/// request is broken off.
struct HedgedExchange {
    struct Outcome: Sendable {
        let head: HTTPResponseHead
        let exchange: Exchange
        /// Whether it is the second request's; nil where there was none.
        let isSecond: Bool?
    }

    /// Sends the request; each call on a connection that no other request uses.
    let start: @Sendable () throws -> Exchange
    /// For how long the first is waited for alone.
    let delay: Duration
    /// Asked when the delay is over.
    let mayAskAgain: @Sendable () -> Bool

    private enum Event: Sendable {
        case answered(HTTPResponseHead, Exchange, isSecond: Bool)
        case failed(any Error)
        case isSlow
        /// The delay was not waited for to its end.
        case isUnneeded
    }

    /// - Throws: the error of whichever request failed last.
    func run() async throws -> Outcome {
        let first = try start()
        let result = await withTaskGroup(of: Event.self) { group in
            group.addTask { await Self.answer(of: first, isSecond: false) }
            group.addTask { [delay] in
                do { try await Task.sleep(for: delay) } catch { return .isUnneeded }
                return .isSlow
            }
            return await firstAnswer(&group)
        }
        return try result.get()
    }

    private static func answer(of exchange: Exchange, isSecond: Bool) async -> Event {
        do {
            return .answered(try await exchange.head(), exchange, isSecond: isSecond)
        } catch {
            return .failed(error)
        }
    }

    private func firstAnswer(_ group: inout TaskGroup<Event>) async -> Result<Outcome, any Error> {
        var won: (head: HTTPResponseHead, exchange: Exchange, isSecond: Bool)?
        var failure: any Error = CancellationError()
        var pending = 1
        var hasSecond = false
        while let event = await group.next() {
            switch event {
            case .answered(let head, let exchange, let isSecond):
                if won == nil {
                    won = (head, exchange, isSecond)
                    group.cancelAll()
                } else {
                    // It answered before it was broken off.
                    exchange.cancel()
                }
            case .failed(let error):
                pending -= 1
                guard won == nil else { continue }
                failure = error
                // One that fails while it is alone is dealt with like any other that failed.
                if pending == 0 { group.cancelAll() }
            case .isSlow:
                guard won == nil, pending > 0, mayAskAgain(), let second = try? start() else { continue }
                hasSecond = true
                pending += 1
                group.addTask { await Self.answer(of: second, isSecond: true) }
            case .isUnneeded: continue
            }
        }
        guard let won else { return .failure(failure) }
        return .success(Outcome(head: won.head, exchange: won.exchange, isSecond: hasSecond ? won.isSecond : nil))
    }
}
