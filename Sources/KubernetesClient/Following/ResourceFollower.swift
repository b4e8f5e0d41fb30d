internal import AsyncHTTPClient
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// What a follower tells, in order.
package enum FollowEvent<Item: Sendable>: Sendable {
    /// A new list begins: what it does not name by ``listed`` is gone.
    case listing
    case page([Item])
    case listed
    case changed(Item)
    case removed(Item)
    /// The server answered; everything told is current.
    case heard
    /// Nothing is asked for so long.
    case failing(KubernetesError, pause: Duration)
}

/// Keeps somebody told of every object of a kind: a list in pages, then a watch, resumed for ever.
package struct ResourceFollower<Item: Decodable & Sendable>: Sendable {
    private let client: KubernetesClient
    private let kind: ResourceKind
    private let namespace: String?
    private let fieldSelector: String?
    private let labelSelector: String?
    private let pageLimit: Int
    private let watchTimeout: Duration
    private let watchGrace: Duration

    /// - Parameters:
    ///   - namespace: nil means all namespaces.
    ///   - watchTimeout: after which the server is asked to end a watch.
    ///   - watchGrace: how much longer it may last, for the server's rounding and a slow network; beyond that it has
    ///     stalled.
    package init(
        _ client: KubernetesClient, _ kind: ResourceKind, of type: Item.Type = Item.self, namespace: String? = nil,
        fieldSelector: String? = nil, labelSelector: String? = nil, pageLimit: Int = 200,
        watchTimeout: Duration = .seconds(240), watchGrace: Duration = .seconds(20)
    ) {
        self.client = client
        self.kind = kind
        self.namespace = namespace
        self.fieldSelector = fieldSelector
        self.labelSelector = labelSelector
        self.pageLimit = pageLimit
        self.watchTimeout = watchTimeout
        self.watchGrace = watchGrace
    }

    /// Tells `observe` until the task is cancelled. A slow observer slows the server's stream, and nothing is buffered
    /// beyond a line.
    package func run(_ observe: @escaping @Sendable (FollowEvent<Item>) async -> Void) async {
        var state = FollowState()
        while !Task.isCancelled {
            switch state.next() {
            case .pause(let pause): try? await client.sleep(pause)
            case .list(let token): await list(&state, continueToken: token, observe)
            case .watch(let version): await watch(&state, from: version, observe)
            }
        }
    }

    private func list(
        _ state: inout FollowState, continueToken: String?,
        _ observe: @escaping @Sendable (FollowEvent<Item>) async -> Void
    ) async {
        do throws(KubernetesError) {
            let page = try await client.list(
                kind, of: Item.self, namespace: namespace, fieldSelector: fieldSelector, labelSelector: labelSelector,
                limit: pageLimit, continueToken: continueToken)
            if continueToken == nil { await observe(.listing) }
            await observe(.page(page.items))
            state.tookPage(resourceVersion: page.resourceVersion, continueToken: page.continueToken)
            if page.continueToken == nil {
                await observe(.listed)
                await observe(.heard)
            }
        } catch {
            await fail(&state, error, observe)
        }
    }

    private func watch(
        _ state: inout FollowState, from version: String,
        _ observe: @escaping @Sendable (FollowEvent<Item>) async -> Void
    ) async {
        let start = ContinuousClock.now
        // Apart from each other, so that replicas and kinds do not all ask anew at one moment.
        let seconds = Int(Double(watchTimeout.components.seconds) * Double.random(in: 1...1.25))
        let outcome = await watching(from: version, seconds: max(1, seconds), observe)
        if let latest = outcome.latest { state.heard(resourceVersion: latest) }
        if let error = outcome.error {
            await fail(&state, error, observe)
        } else {
            state.watchEnded(
                after: ContinuousClock.now - start, heardAnything: outcome.latest != nil,
                jitter: Double.random(in: 0...1))
        }
    }

    private func fail(
        _ state: inout FollowState, _ error: KubernetesError,
        _ observe: @escaping @Sendable (FollowEvent<Item>) async -> Void
    ) async {
        guard error != .cancelled, !Task.isCancelled else { return }
        let pause = state.failed(error, jitter: Double.random(in: 0...1))
        client.logger.debug(
            "following a kind of objects failed", metadata: ["kind": "\(kind.plural)", "reason": "\(error)"])
        if pause > .zero { await observe(.failing(error, pause: pause)) }
    }

    /// - Returns: the last version told, and why it ended; nil where the server ended it in order.
    private func watching(
        from version: String, seconds: Int, _ observe: @escaping @Sendable (FollowEvent<Item>) async -> Void
    ) async -> (latest: String?, error: KubernetesError?) {
        let progress = WatchProgress()
        do throws(KubernetesError) {
            var request = APIRequest(method: .GET, path: try kind.path(namespace: namespace))
            request.query = [
                ("watch", "true"), ("resourceVersion", version), ("allowWatchBookmarks", "true"),
                ("timeoutSeconds", "\(seconds)"),
            ]
            if let fieldSelector { request.query.append(("fieldSelector", fieldSelector)) }
            if let labelSelector { request.query.append(("labelSelector", labelSelector)) }
            let lineLimit = client.limits.lineBytes
            try await client.stream(request) { response in
                await observe(.heard)
                let body = response.body
                try await within(.seconds(seconds) + watchGrace) {
                    var lines = WatchLines(limitBytes: lineLimit)
                    for try await piece in body {
                        lines.append(piece)
                        while let line = try lines.next() { try await take(line, progress, observe) }
                    }
                }
            }
            return (progress.latest, nil)
        } catch {
            return (progress.latest, error)
        }
    }

    private func take(
        _ line: [UInt8], _ progress: WatchProgress, _ observe: @Sendable (FollowEvent<Item>) async -> Void
    ) async throws(KubernetesError) {
        switch try client.decode(WatchEvent<Item>.self, line) {
        case .changed(let item, let version):
            await observe(.changed(item))
            progress.tell(version)
        case .removed(let item, let version):
            await observe(.removed(item))
            progress.tell(version)
        case .bookmark(let version):
            await observe(.heard)
            progress.tell(version)
        case .failed(let status): throw .refused(status)
        case .other: break
        }
    }
}
