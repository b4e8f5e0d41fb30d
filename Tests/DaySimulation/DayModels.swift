package import OCI
package import RegistryTestKit
internal import Synchronization
package import Timekeeping

/// A model: every client asks Docker Hub itself, all of them with the same account.
package struct NoCacheModel: DaySystem {
    let contents: DayContents
    let hub: SimulatedHub
    let account: SimulatedHub.Source

    package init(contents: DayContents, hub: SimulatedHub, account: SimulatedHub.Source) {
        self.contents = contents
        self.hub = hub
        self.account = account
    }

    package func resolve(_ image: Int, client: Int) async -> DayAnswer {
        guard case .allowed = hub.ask("HEAD", repository: contents.plan.images[image].repository, as: account) else {
            return .refused
        }
        return .manifest(contents.image(image).index.digest)
    }

    package func fetch(_ digest: Digest, of image: Int, client: Int) async -> DayAnswer {
        guard case .allowed = hub.ask("GET", repository: contents.plan.images[image].repository, as: account) else {
            return .refused
        }
        return .manifest(digest)
    }

    package func moved(_ image: Int) async {}
    package func settle() async {}
}

/// A model of docker-registry 2.8 as a pull-through cache, by what its log shows: for each request by tag a HEAD; for
/// each manifest that is not stored a GET, and one for each of the clients that ask before the first has come; what is
/// stored is never asked for again. Where the GET is refused the client gets the refusal, whatever is stored of the
/// tag.
package final class DockerRegistryModel: DaySystem {
    private let contents: DayContents
    private let hub: SimulatedHub
    private let account: SimulatedHub.Source
    private let clock: any WallClock
    /// When each manifest was stored; it is served from the next moment on.
    private let stored = Mutex<[Digest: Timestamp]>([:])

    package init(contents: DayContents, hub: SimulatedHub, account: SimulatedHub.Source, clock: any WallClock) {
        self.contents = contents
        self.hub = hub
        self.account = account
        self.clock = clock
    }

    package func resolve(_ image: Int, client: Int) async -> DayAnswer {
        let repository = contents.plan.images[image].repository
        guard case .allowed = hub.ask("HEAD", repository: repository, as: account) else { return .refused }
        return get(contents.image(image).index.digest, of: image)
    }

    package func fetch(_ digest: Digest, of image: Int, client: Int) async -> DayAnswer {
        // What this client's own HEAD brought is stored by now.
        let isIndex = contents.child(of: digest, image: image) != nil
        if isIndex, stored.withLock({ $0[digest] != nil }) { return .manifest(digest) }
        return get(digest, of: image)
    }

    private func get(_ digest: Digest, of image: Int) -> DayAnswer {
        let now = clock.now()
        if let moment = stored.withLock({ $0[digest] }), moment < now { return .manifest(digest) }
        guard case .allowed = hub.ask("GET", repository: contents.plan.images[image].repository, as: account) else {
            return .refused
        }
        stored.withLock { if $0[digest] == nil { $0[digest] = now } }
        return .manifest(digest)
    }

    package func moved(_ image: Int) async {}
    package func settle() async {}
}
