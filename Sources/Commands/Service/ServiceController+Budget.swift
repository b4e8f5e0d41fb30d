internal import ControlServer
internal import HTTPSemantics
internal import Rules
internal import Upstream
internal import UpstreamClient

extension ServiceController {
    /// What `rule`'s upstream is asked for, and whether what is known of its limit pays for that.
    func share(of rule: RuleName, pulls: Int, missingBytes: Int64) -> PlanDocument.RuleShare {
        let configuration = holder.configuration.upstreams[rule]
        var share = PlanDocument.RuleShare(
            rule: rule.description, upstream: configuration.map(Self.address) ?? "-")
        share.pulls = pulls
        share.missingBytes = missingBytes
        share.accounts = [configuration?.credentials.description ?? "anonymous"]
        let known = upstreams[rule]?.rateLimits.last
        share.remainingPulls = known?.remaining?.count
        share.isAllowed = share.remainingPulls.map { Int64(pulls) <= $0 } ?? true
        return share
    }
}
