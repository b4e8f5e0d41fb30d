internal import ImageRewriting
package import Logging
internal import OCI
package import Timekeeping

/// Answers reviews with what is to be changed.
package final class PodMutator: Sendable {
    private let settings: @Sendable () -> WebhookSettings
    private let checks: UpstreamChecks
    private let copies: Outcomes<PullSecretName, PullSecretError?>?
    private let memory = RewritingMemory()
    private let metrics: WebhookMetrics
    private let logger: Logger

    /// - Parameters:
    ///   - settings: asked for every review.
    ///   - copier: nil where nothing can write secrets.
    package init(
        settings: @escaping @Sendable () -> WebhookSettings, checks: UpstreamChecks,
        copier: (any PullSecretCopier)? = nil, clock: any WallClock, logger: Logger
    ) {
        self.settings = settings
        self.checks = checks
        self.logger = logger
        metrics = WebhookMetrics.shared
        copies = copier.map { copier in
            Outcomes(clock: clock) { secret in
                do throws(PullSecretError) {
                    try await copier.ensure(secret.name, in: secret.namespace)
                    return (nil, .seconds(300))
                } catch {
                    return (error, .seconds(5))
                }
            }
        }
    }

    /// - Parameter deadline: by which the answer is there; ``WebhookSettings/budget`` may make it earlier.
    package func response(
        to request: AdmissionRequest, until deadline: ContinuousClock.Instant
    ) async -> AdmissionResponse {
        let settings = settings()
        let deadline = min(deadline, .now + settings.budget)
        guard request.operation == .create || request.operation == .update, request.subject != .other,
            let object = request.object
        else { return AdmissionResponse(uid: request.uid) }
        let pod = Pod(object)
        let namespace = request.namespace.isEmpty ? pod.namespace ?? "" : request.namespace
        guard OptOut.reason(for: pod, in: namespace, excluded: settings.excludedNamespaces) == nil else {
            return AdmissionResponse(uid: request.uid)
        }
        if pod.hasTooManyImages {
            let problem = "the pod has more than \(Pod.imageLimit) images"
            var response = AdmissionResponse(uid: request.uid)
            if settings.failure == .closed {
                response.verdict = .denied(code: 403, message: "weir: \(problem)")
            } else {
                response.warnings.add("weir: \(problem), and stays as it is")
            }
            return response
        }
        let review = MutationReview(
            request: request, pod: pod, scope: AdmissionScope(request, pod), namespace: namespace,
            settings: settings, deadline: deadline)
        return await response(to: review)
    }

    private func response(to review: MutationReview) async -> AdmissionResponse {
        var outcomes = await outcomes(of: review)
        if review.settings.copiesPullSecrets, review.scope.mayAddPullSecrets, !review.request.isDryRun {
            await copySecrets(review, &outcomes)
        }
        let plan = MutationPlan(review.pod, review.scope, outcomes: outcomes)
        for outcome in outcomes.values { metrics.decided(outcome) }
        if review.settings.countsAsHarbor { countAsHarbor(review, outcomes) }
        if let doubt = plan.doubt, review.settings.failure == .closed {
            let message = "weir cannot tell whether an image may be rewritten; try again: \(doubt)"
            return AdmissionResponse(
                uid: review.request.uid,
                verdict: .denied(code: 503, message: AdmissionWarnings.shortened(message, to: 512)))
        }
        if plan.rewrittenCount > 0 || plan.doubt != nil {
            logger.debug(
                "a pod was reviewed",
                metadata: [
                    "namespace": "\(review.namespace)", "rewritten": "\(plan.rewrittenCount)",
                    "doubt": "\(plan.doubt ?? "none")",
                ])
        }
        return AdmissionResponse(
            uid: review.request.uid, patch: plan.patch, warnings: plan.warnings,
            auditAnnotations: plan.auditAnnotations)
    }

    private func countAsHarbor(_ review: MutationReview, _ outcomes: [String: ImageOutcome]) {
        let rewriter = review.settings.rewriter
        for image in review.scope.images {
            guard let outcome = outcomes[image.text] else { continue }
            let start = ContinuousClock.now
            let rewriting = memory.rewriting(
                of: image.text, in: review.context, by: rewriter, generation: review.settings.generation)
            HarborRuleMetrics.count(
                rewriting, outcome, firstRule: rewriter.rules.first?.name, in: .now - start
            ) { checks.known(review.key($0)) }
        }
    }

    // MARK: Images

    private func outcomes(of review: MutationReview) async -> [String: ImageOutcome] {
        var outcomes: [String: ImageOutcome] = [:]
        var undecided: [(String, Rewriting)] = []
        let context = review.context
        for (position, image) in review.scope.images.enumerated() where outcomes[image.text] == nil {
            // A thousand images and a thousand rules are much for one review; others have their turn in between.
            if position % 32 == 31 {
                await Task.yield()
                guard ContinuousClock.now < review.deadline else {
                    outcomes[image.text] = .unknown(reason: "no time was left")
                    continue
                }
            }
            let rewriting = memory.rewriting(
                of: image.text, in: context, by: review.settings.rewriter, generation: review.settings.generation)
            let outcome = ImageOutcome(rewriting) { checks.known(review.key($0)) }
            if case .undecided = outcome { undecided.append((image.text, rewriting)) }
            outcomes[image.text] = outcome
        }
        guard !undecided.isEmpty else { return outcomes }
        await withTaskGroup(of: (String, ImageOutcome).self) { group in
            for (text, rewriting) in undecided {
                group.addTask { (text, await self.decided(rewriting, review)) }
            }
            for await (text, outcome) in group { outcomes[text] = outcome }
        }
        return outcomes
    }

    /// One rule's check after the other, since a later one is asked only where the earlier ones fail.
    private func decided(_ rewriting: Rewriting, _ review: MutationReview) async -> ImageOutcome {
        var verdicts: [RewriteCandidate: CheckVerdict] = [:]
        while true {
            let outcome = ImageOutcome(rewriting) { verdicts[$0] }
            guard case .undecided(let candidate) = outcome else { return outcome }
            verdicts[candidate] = await checks.verdict(review.key(candidate), until: review.deadline)
        }
    }

    // MARK: Secrets

    /// What cannot be pulled for want of a secret stays as it was.
    private func copySecrets(_ review: MutationReview, _ outcomes: inout [String: ImageOutcome]) async {
        for (text, outcome) in outcomes {
            guard case .rewritten(let candidate) = outcome else { continue }
            for name in candidate.pullSecrets {
                let secret = PullSecretName(namespace: review.namespace, name: name)
                guard let problem = await copyProblem(secret, until: review.deadline) else { continue }
                outcomes[text] = .unknown(reason: problem)
                break
            }
        }
    }

    private func copyProblem(_ secret: PullSecretName, until deadline: ContinuousClock.Instant) async -> String? {
        guard let copies else { return "nothing here can copy the secret \(secret.name)" }
        guard let outcome = await copies.value(secret, until: deadline) else {
            return "the secret \(secret.name) was not copied in time"
        }
        return outcome?.description
    }
}

/// One review, and what it is answered by.
private struct MutationReview: Sendable {
    private static let podSecretLimit = 8

    let request: AdmissionRequest
    let pod: Pod
    let scope: AdmissionScope
    let namespace: String
    let settings: WebhookSettings
    let deadline: ContinuousClock.Instant

    /// What rules may ask of where an image is used.
    var context: RewriteContext {
        RewriteContext(
            namespace: namespace.isEmpty ? nil : namespace,
            labels: settings.rewriter.needsContext ? pod.labels : [:])
    }

    func key(_ candidate: RewriteCandidate) -> CheckKey {
        let check = candidate.check ?? UpstreamCheck(platforms: [])
        var secrets: [PullSecretName] = []
        if let name = check.secretName, PullSecretName.isName(name) {
            secrets.append(PullSecretName(namespace: settings.secretsNamespace, name: name))
        }
        if settings.triesPodSecrets {
            let names = (candidate.pullSecrets + (pod.pullSecrets ?? [])).filter(PullSecretName.isName)
            secrets += names.prefix(Self.podSecretLimit).map { PullSecretName(namespace: namespace, name: $0) }
        }
        return CheckKey(image: candidate.image, check: check, secrets: secrets)
    }
}
