/// A comparison in words and numbers, for documentation.
package struct DayReport: Sendable {
    let plan: DayPlan
    let comparisons: [DayComparison]

    package init(plan: DayPlan, comparisons: [DayComparison]) {
        self.plan = plan
        self.comparisons = comparisons
    }

    package var markdown: String {
        let repositories = Set(plan.images.map(\.repository)).count
        let jobs = plan.firstKeeper
        let moves = plan.moments.count { if case .move = $0.event { true } else { false } }
        var text = """
            \(jobs) build jobs that begin with nothing and \(plan.size.clients - jobs) nodes that keep what they pulled \
            pull \(plan.pullCount) times in a day, from \(repositories) repositories with \(plan.images.count) tags, of \
            which \(moves) move in that day. Three fifths come in bursts of jobs that start together, a tenth by the \
            clock. Every client asks as dockerd and containerd do: HEAD of the tag, the index, the platform's manifest. \
            All caches begin empty.

            Docker Hub is simulated, and counts every GET of a manifest and no HEAD. *No cache* and *docker-registry* \
            are models of what these do (docker-registry 2.8: a HEAD for every pull by tag, a GET for every manifest that \
            is not stored, and one more for each client that asks before the first has come). *Weir* is Weir: its cache, \
            its store and catalogue, its client over sockets, with its defaults; only the clock is moved. A pull \
            that is refused fails, and is not tried again. One that got an *older* image got what its tag had named \
            before: because an answer is taken for fresh for a while (5 minutes for tags that move often, by default), or \
            because what the tag names now cannot be paid for.


            """
        for comparison in comparisons { text += table(comparison) + "\n" }
        return text
    }

    private func table(_ comparison: DayComparison) -> String {
        var text = "**\(comparison.regimeName)**\n\n"
        text +=
            "| | pulls counted upstream | HEADs | 429 of Docker Hub | pulls that failed | of all | got an older image |\n"
        text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        for outcome in comparison.outcomes {
            let total = outcome.total
            let share = Double(total.refused) * 100 / Double(max(1, total.pulls))
            let tenths = Int((share * 10).rounded())
            text += "| \(outcome.name) | \(total.counted) | \(total.heads) | \(total.upstreamRefusals) | "
            text += "\(total.refused) | \(tenths / 10).\(tenths % 10) % | \(total.older) |\n"
        }
        return text
    }
}
