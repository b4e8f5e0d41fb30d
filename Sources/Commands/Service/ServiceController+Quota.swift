internal import ControlServer
internal import PullThroughCache
internal import Quota
internal import QuotaGovernor
internal import Rules
internal import Timekeeping

extension ServiceController {
    func quota() async throws(ControlError) -> QuotaDocument {
        let configuration = holder.configuration
        let now = SystemWallClock().now()
        let rules = configuration.rules.rules.compactMap { rule -> QuotaDocument.Rule? in
            guard let governor = upstreams[rule.name] else { return nil }
            return QuotaDocument.Rule(
                name: rule.name.description, report: governor.report(),
                problems: governor.accountProblems.map { "\($0.account): \($0.reason)" })
        }
        return QuotaDocument(now: now.milliseconds, rules: rules)
    }

    func probeQuota(of rule: String) async throws(ControlError) -> QuotaProbeDocument {
        guard let name = try? RuleName(rule), let governor = upstreams[name] else {
            throw ControlError(.notFound, "there is no rule '\(rule.prefix(80))'; 'weir status' lists them")
        }
        guard let results = await governor.probe() else {
            throw ControlError(
                .badRequest, "the rule '\(name)' has no image to ask after; give it one as 'probe: REPOSITORY:TAG'")
        }
        return QuotaProbeDocument(
            rule: name.description, report: governor.report(),
            failures: results.compactMap { result in
                result.failure.map { QuotaProbeDocument.Failure(pair: result.pair, reason: $0) }
            },
            withoutLimits: results.filter { $0.failure == nil && !$0.toldLimits }.count)
    }
}
