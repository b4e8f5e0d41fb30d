internal import AsyncHTTPClient
internal import HTTPFailures
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// Whether the central cache can be asked, for people: a name that is misspelt would else show with the first pull alone.
extension PeerRegistry {
    /// Why the central cache could not be asked when that was tried last; nil where it could, or was never tried.
    package var centralTrouble: String? { fetcher.memory.state.withLock { $0.centralTrouble } }

    /// Asks the central cache, more and more rarely, until it answers. What it is asked for costs it nothing.
    package func untilCentralAnswers() async {
        guard let origin = configuration.central else { return }
        var pause = Self.firstPause
        while !Task.isCancelled {
            var request = HTTPClientRequest(url: "\(origin)/v2/")
            request.headers.add(name: "User-Agent", value: "weir")
            let failure: PeerFailure?
            do {
                let status = Int(try await fetcher.central.client.execute(request, timeout: .seconds(10)).status.code)
                // Whoever wants a login is there as well.
                failure = status < 500 ? nil : .refused(status: status)
            } catch {
                failure = PeerFailure(error)
            }
            guard !Task.isCancelled else { return }
            let news = fetcher.memory.state.withLock { state in
                defer { state.centralTrouble = failure.map { "\($0)" } }
                return state.centralTrouble != failure.map { "\($0)" }
            }
            guard let failure else { return }
            if news {
                logger.warning(
                    "the central cache cannot be asked; peers and upstreams are asked in its place",
                    metadata: ["origin": "\(origin)", "failure": "\(failure)"])
            }
            do { try await Task.sleep(for: pause) } catch { return }
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private static let firstPause = Duration.seconds(5)
    private static let longestPause = Duration.seconds(60)
}
