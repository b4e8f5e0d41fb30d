package import OCI

extension UpstreamClient {
    /// How one rule reaches its upstream. Times and counts have the defaults given here.
    package struct Configuration: Sendable, Hashable {
        /// For logs and metric labels: the rule's name.
        package var name: String
        package var usesTLS: Bool
        /// The API's host: `registry-1.docker.io`.
        package var host: RegistryHost
        package var tls: TLS
        /// Hosts beside the upstream's registrable domain whose token endpoint is trusted with the credentials.
        package var trustedRealmHosts: [RegistryHost]
        /// From asking for a connection to having it; default 10 seconds.
        package var connectTimeout: Duration
        /// From sending a request to the answer's head; default 30 seconds.
        package var answerTimeout: Duration
        /// Between two pieces of a body; default 30 seconds.
        package var stallTimeout: Duration
        /// For the whole body of a manifest, a list or a token; default 60 seconds. A blob has none, being of any size.
        package var bodyTimeout: Duration
        /// Attempts of one idempotent request, the first included; default 3.
        package var attempts: Int
        /// Redirects followed in a row; default 5.
        package var redirectLimit: Int
        /// Bytes read of a token endpoint's answer; default 1 MiB.
        package var tokenLimitBytes: Int
        /// Bytes read of a page of tags; default 4 MiB.
        package var tagsLimitBytes: Int
        /// No further attempt begins later than this after the first; default 60 seconds.
        package var retryBudget: Duration
        /// The longest `Retry-After` that is waited for rather than reported; default 5 seconds.
        package var retryAfterLimit: Duration
        /// Sent as `User-Agent`: `weir/VERSION`.
        package var userAgent: String
        package var pacing = PacingSettings()

        package init(
            name: String, usesTLS: Bool = true, host: RegistryHost, tls: TLS = TLS(),
            trustedRealmHosts: [RegistryHost] = [], connectTimeout: Duration = .seconds(10),
            answerTimeout: Duration = .seconds(30), stallTimeout: Duration = .seconds(30),
            bodyTimeout: Duration = .seconds(60), attempts: Int = 3,
            redirectLimit: Int = 5, tokenLimitBytes: Int = 1 << 20, tagsLimitBytes: Int = 4 << 20,
            retryBudget: Duration = .seconds(60), retryAfterLimit: Duration = .seconds(5), userAgent: String = "weir"
        ) {
            self.name = name
            self.usesTLS = usesTLS
            self.host = host
            self.tls = tls
            self.trustedRealmHosts = trustedRealmHosts
            self.connectTimeout = connectTimeout
            self.answerTimeout = answerTimeout
            self.stallTimeout = stallTimeout
            self.bodyTimeout = bodyTimeout
            self.attempts = attempts
            self.redirectLimit = redirectLimit
            self.tokenLimitBytes = tokenLimitBytes
            self.tagsLimitBytes = tagsLimitBytes
            self.retryBudget = retryBudget
            self.retryAfterLimit = retryAfterLimit
            self.userAgent = userAgent
        }
    }

    /// How TLS to the upstream is verified.
    package struct TLS: Sendable, Hashable {
        /// A PEM file of authorities trusted in place of the system's; nil: the system's.
        package var authorityFile: String?
        /// PEM files of the certificate chain and key that are shown to the upstream.
        package var certificateFile: String?
        package var keyFile: String?
        /// Accept any certificate. Only by explicit configuration.
        package var skipsVerification: Bool

        package init(
            authorityFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil,
            skipsVerification: Bool = false
        ) {
            self.authorityFile = authorityFile
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.skipsVerification = skipsVerification
        }
    }
}
