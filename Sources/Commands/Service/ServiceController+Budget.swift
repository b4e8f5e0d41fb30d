internal import ControlServer
internal import Quota
internal import QuotaGovernor
internal import Rules

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
        return share
    }
}
