package import OCI
package import RegistryTestKit

/// What a request for a manifest comes to.
package enum DayAnswer: Sendable, Hashable {
    case manifest(Digest)
    /// 429: no pulls are left.
    case refused
    /// Anything else.
    case failed(String)
}

/// Where a day's clients pull from: Weir itself, or a model of something else.
package protocol DaySystem: Sendable {
    /// HEAD of a manifest by its tag.
    func resolve(_ image: Int, client: Int) async -> DayAnswer
    /// GET of a manifest by its digest.
    func fetch(_ digest: Digest, of image: Int, client: Int) async -> DayAnswer
    /// The tag of `image` names something else upstream.
    func moved(_ image: Int) async
    /// Returns once nothing goes on that clients do not wait for.
    func settle() async
}

/// What the day's upstream has: every version of every image.
package final class DayContents: Sendable {
    package let plan: DayPlan
    /// The first and, where the tag moves, the second version.
    package let versions: [[TestImage]]
    private let current: Watched<[Int]>

    package init(_ plan: DayPlan) {
        self.plan = plan
        var counts = Array(repeating: 1, count: plan.images.count)
        for moment in plan.moments {
            if case .move(let image) = moment.event { counts[image] += 1 }
        }
        versions = counts.map { count in
            (0..<count).map { _ in TestImage(images: [TestImage.PlatformImage(layerSizes: [16])]) }
        }
        current = Watched(Array(repeating: 0, count: plan.images.count))
    }

    package func reset() { current.update { $0 = Array(repeating: 0, count: $0.count) } }

    package func move(_ image: Int) { current.update { $0[image] = min($0[image] + 1, versions[image].count - 1) } }

    package func image(_ image: Int) -> TestImage { versions[image][current.read { $0[image] }] }

    /// The manifest below an index, for the one platform that there is.
    package func child(of index: Digest, image: Int) -> Digest? {
        versions[image].first { $0.index.digest == index }?.images[0].manifest.digest
    }
}
