import Testing

@testable import AdmissionWebhook

@Suite struct HarborMetricsTests {
    /// `invalidMetricChars` of harbor-container-webhook's `internal/webhook/transformer.go`.
    @Test(arguments: [
        ("docker.io rewrite rule", "docker_io_rewrite_rule"), ("Quay.IO", "quay_io"), ("a_b-1", "a_b_1"),
        ("größe", "gr__e"),
        ("", ""),
    ])
    func `a rule's label is its name as there`(_ name: String, _ label: String) {
        #expect(HarborRuleMetrics.label(name) == label)
    }
}
