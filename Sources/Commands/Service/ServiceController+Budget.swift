internal import ControlServer
internal import Quota
internal import QuotaGovernor
internal import Rules
internal import Timekeeping
internal import UpstreamClient

extension ServiceController {
    /// What `rule`'s upstream is asked for, and whether what is known of its limit pays for that.
    func share(of rule: RuleName, pulls: Int, missingBytes: Int64) -> PlanDocument.RuleShare {
        let configuration = holder.configuration.upstreams[rule]
        var share = PlanDocument.RuleShare(
            rule: rule.description, upstream: configuration.map { Self.address($0.governor.client) } ?? "-")
        share.pulls = pulls
        share.missingBytes = missingBytes
        guard let governor = upstreams[rule] else { return share }
        let report = governor.report()
        // Those that could be asked now, each once.
        let usable = report.pairs.filter { [.open, .reserved, .unlimited, .unknown].contains($0.state) }
        share.accounts = usable.reduce(into: []) { names, pair in
            let name = pair.pair.account.description
            if names.last != name { names.append(name) }
        }
        // What was never cached may use everything; nil: no limit is known.
        share.remainingPulls = report.firstPulls
        share.isAllowed = report.firstPulls.map { Int64(pulls) <= $0 } ?? true
        share.isWarmable = report.backgroundPulls.map { Int64(pulls) <= $0 } ?? true
        if !share.isWarmable {
            let moment = report.opensAt ?? report.pairs.compactMap { $0.setAsideUntil ?? $0.recoversAt }.min()
            share.recoversAt = moment?.milliseconds
        }
        return share
    }
}

extension ServiceController {
    /// How the upstream of `rule` is reached, its accounts apart.
    func clientConfiguration(of rule: RuleName) -> UpstreamClient.Configuration? {
        holder.configuration.upstreams[rule]?.governor.client
    }

    func hasAccount(_ rule: RuleName) -> Bool {
        holder.configuration.upstreams[rule].map { !$0.accounts.isEmpty } ?? false
    }

    /// What is known of the pull limits of `rule`'s upstream, in words.
    func limits(of rule: RuleName) -> [String] {
        (upstreams[rule]?.report().pairs ?? []).compactMap { pair in
            guard let limit = pair.limit else { return nil }
            var text = "\(pair.pair): \(pair.remaining.map { "\($0)" } ?? "?") of \(limit) left"
            if let window = pair.window { text += " in \(TimeText.rough(window))" }
            return text
        }
    }
}
