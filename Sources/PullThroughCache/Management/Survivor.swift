internal import BlobStore
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

/// Tells whether an image could be pulled with its upstream gone, by the same decisions that a pull takes.
struct Survivor: Sendable {
    let catalogue: Catalogue
    let keeper: ManifestKeeper
    let store: any BlobStore
    let clock: any WallClock

    /// - Parameters:
    ///   - running: what runs of it, if that is known.
    ///   - platforms: those that it is wanted for; empty: unknown, and any that is whole will do.
    func survival(
        _ reference: ManifestReference, in repository: RepositoryKey, rule: Rule, running: Digest?,
        platforms: [Platform]
    ) async throws -> Survival {
        var survival = Survival()
        let digest: Digest
        switch reference {
        case .digest(let asked): digest = asked
        case .tag(let tag):
            guard let record = try await catalogue.tag(tag, in: repository) else {
                survival.obstacles.append(.tagUnknown)
                return survival
            }
            let age = clock.now() - record.checkedAt
            if !record.isFresh(at: clock.now(), rule), !rule.outage.servesStale(under: .unreachable, age: age) {
                survival.obstacles.append(.tooOld)
            }
            digest = record.digest
        }
        survival.digest = digest
        guard case .held(let manifest) = try await keeper.holding(of: digest, in: repository) else {
            survival.obstacles.append(.manifestMissing)
            return survival
        }
        let contents = try manifest.contents()
        if contents.manifests.isEmpty {
            try await add(missing: contents, platform: nil, to: &survival)
        } else {
            try await judge(contents, in: repository, platforms: platforms, &survival)
        }
        if let running, running != digest, !contents.manifests.contains(where: { $0.digest == running }) {
            survival.isOtherContent = true
        }
        return survival
    }

    private func judge(
        _ index: Manifest, in repository: RepositoryKey, platforms: [Platform], _ survival: inout Survival
    ) async throws {
        guard !platforms.isEmpty else {
            return try await judgeAny(index, in: repository, &survival)
        }
        for platform in platforms {
            let children = index.manifests.filter { child in
                child.platform?.os == platform.os && child.platform?.architecture == platform.architecture
            }
            guard !children.isEmpty else {
                survival.obstacles.append(.platformMissing(platform))
                continue
            }
            // Which variant a node takes is the runtime's choice: the best of them is believed.
            var best: Survival?
            for child in children {
                var own = Survival()
                try await judge(child, in: repository, platform: platform, &own)
                if best.map({ own.obstacles.count < $0.obstacles.count }) ?? true { best = own }
            }
            survival.obstacles += best?.obstacles ?? []
        }
    }

    /// Without a word on platforms one whole child is enough.
    private func judgeAny(
        _ index: Manifest, in repository: RepositoryKey, _ survival: inout Survival
    ) async throws {
        var best: Survival?
        for child in index.manifests where child.platform?.os != "unknown" {
            var own = Survival()
            try await judge(child, in: repository, platform: child.platform, &own)
            if own.obstacles.isEmpty { return }
            if best == nil { best = own }
        }
        survival.obstacles += best?.obstacles ?? [.manifestMissing]
    }

    private func judge(
        _ child: Descriptor, in repository: RepositoryKey, platform: Platform?, _ survival: inout Survival
    ) async throws {
        guard case .held(let held) = try await keeper.holding(of: child.digest, in: repository) else {
            survival.obstacles.append(platform.map { .platformManifestMissing($0) } ?? .manifestMissing)
            return
        }
        try await add(missing: try held.contents(), platform: platform, to: &survival)
    }

    private func add(missing contents: Manifest, platform: Platform?, to survival: inout Survival) async throws {
        let held = try await HeldBlobs(of: contents, in: store)
        guard !held.missing.isEmpty else { return }
        survival.obstacles.append(.blobsMissing(platform, count: held.missing.count, bytes: held.missingBytes))
    }
}
