/// harbor-container-webhook's configuration file (`internal/config/config.go`), whole.
package struct HarborWebhookConfiguration: Sendable, Hashable {
    package var port: Int
    /// Has `tls.crt` and `tls.key`; nil: under the directory for temporary files.
    package var certificateDirectory: String?
    /// `:8090`; empty switches it off.
    package var healthAddress: String
    package var metricsAddress: String
    package var isVerbose: Bool
    package var rules: [HarborWebhookRule]

    package init(
        port: Int = 9443, certificateDirectory: String? = nil, healthAddress: String = "", metricsAddress: String = "",
        isVerbose: Bool = false, rules: [HarborWebhookRule]
    ) {
        self.port = port
        self.certificateDirectory = certificateDirectory
        self.healthAddress = healthAddress
        self.metricsAddress = metricsAddress
        self.isVerbose = isVerbose
        self.rules = rules
    }

    package var rewriteRules: [RewriteRule] { rules.map { .harbor($0) } }
}
