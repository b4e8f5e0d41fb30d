internal import Quota
internal import Rules

extension RuleSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "registry", \.registry, Format.registry.tolerant.located,
                "The upstream: HOST, HOST:PORT, or a URL; 'http://…' means without TLS. Required.")
        ] + AccountSettings.keys(at: \.account) + [
            Setting(
                "accounts", \.accounts,
                Format.group(AccountSettings.keys(at: \.self), { AccountSettings() }).table(
                    keyExpectation: "names", showKey: \.description, parseKey: parseAccountName),
                standard: .object([]),
                "Any number of accounts, by names of your own; in place of the keys above."),
            Setting(
                "anonymous", \.anonymous, Format<AnonymousUse>.word().located, standard: .string("allowed"),
                "Whether the upstream may be asked without an account, where no account has anything left; 'never' where "
                    + "there is an account and nothing else is said."),
            Setting(
                "egress", \.egress, Format.text("an address of this machine, or an interface").located.list,
                standard: .array([]),
                "Addresses or interfaces that requests leave by, taking turns; limits count by address as well."),
            Setting(
                "reserve", \.reserve, .budgetShare, standard: .string("10%"),
                "The part of each pull limit that is kept for clients that pull what was never cached."),
            Setting(
                "fail", \.fail, .word(), standard: .string("closed"),
                "While nothing is left: 'closed' holds clients back (429), 'open' leads them to the upstream."),
            Setting(
                "probe", \.probe, .probe, standard: .string("auto"),
                "An image whose HEAD tells what is left: 'auto' is Docker Hub's own and none elsewhere, 'off', or "
                    + "REPOSITORY:TAG."),
            Setting(
                "host", \.host, Format.hostClaim.located, standard: .string("the registry's own name"),
                "The registry whose name leads to this rule (containerd's 'ns', and as first part of a path); 'none' for "
                    + "none. With two rules for one registry, one of them has to say it."),
            Setting(
                "virtualHosts", \.virtualHosts, Format.host.located.list, standard: .array([]),
                "Names of this service under which clients reach this rule alone."),
            Setting(
                "upstreamPrefix", \.upstreamPrefix, .repository,
                "Put before every repository: 'mirror/hub' makes 'library/nginx' into 'mirror/hub/library/nginx'."),
            Setting(
                "freshness", \.freshness, .group(FreshnessSettings.keys(standards: false), { FreshnessSettings() }),
                "Overrides 'freshness' for this rule."),
            Setting(
                "outage", \.outage, .group(OutageSettings.keys(standards: false), { OutageSettings() }),
                "Overrides 'outage' for this rule."),
            Setting(
                "tls", \.tls, Format.group(UpstreamTLSSettings.keys, { UpstreamTLSSettings() }).located,
                "How the upstream's certificate is verified."),
            Setting(
                "trustedRealms", \.trustedRealms, Format.host.list, standard: .array([]),
                "Token services outside the registry's own domain that may be shown the account."),
            Setting(
                "timeouts", \.timeouts, .group(UpstreamTimeoutSettings.keys, { UpstreamTimeoutSettings() }),
                "How long the upstream may take."),
            Setting(
                "attempts", \.attempts, .integer(1...20), standard: .integer(3),
                "Attempts of one request, the first included."),
            Setting(
                "bandwidth", \.bandwidth, .bandwidth,
                "The most that blobs are fetched with, all together and shared evenly among them."),
            Setting(
                "requestRate", \.requestRate, .requestRate,
                "The most requests that the registry is sent; further ones wait, no longer than 'timeouts.answer'. Tokens "
                    + "and storage elsewhere are not counted."),
            Setting(
                "hedging", \.hedging, .flag, standard: .bool(true),
                "Whether a manifest's HEAD or a token that is unusually slow is asked for once more on another connection; "
                    + "never what counts as a pull, and one request in 20 at most."),
        ]
    }
}

extension FreshnessSettings {
    /// - Parameter standards: whether defaults are named, which a rule has none of its own of.
    static func keys(standards: Bool) -> [Setting<Self>] {
        func standard(_ duration: Duration) -> JSONValue? {
            standards ? .string(DurationText.format(duration)) : nil
        }
        let policy = FreshnessPolicy()
        return [
            Setting(
                "moving", \.moving, .duration(), standard: standard(policy.moving),
                "Tags that are no version: 'latest', 'main', 'alpine'."),
            Setting(
                "minor", \.minor, .duration(), standard: standard(policy.minor),
                "Tags that leave the last part of a version open: '1', '1.27', '1.27-alpine'."),
            Setting(
                "exact", \.exact, .duration(), standard: standard(policy.exact),
                "Tags that are whole versions, dates or commits: '1.27.3', '20240131'."),
            Setting(
                "tags", \.tags,
                Format.duration().table(
                    keyExpectation: "patterns", showKey: { $0 },
                    parseKey: { text throws(ValueProblem) in
                        guard !text.isEmpty else { throw ValueProblem("is no pattern") }
                        guard text.utf8.count <= 128 else { throw ValueProblem("is longer than any tag") }
                        return text
                    }), standard: standards ? .object([]) : nil,
                "Tags by pattern ('*' stands for anything); the first that matches decides."),
            Setting(
                "staleWhileRevalidate", \.staleWhileRevalidate, .duration(),
                standard: standard(policy.staleWhileRevalidate),
                "How long past that an answer is still given at once, and confirmed afterwards."),
            Setting(
                "stretch", \.stretch, .integer(1...1000), standard: standards ? .integer(policy.stretch) : nil,
                "How many times these are stretched, at most, as the upstream's pull limit runs out; 1: never."),
            Setting(
                "negative", \.negative, .duration(.zero...Duration.seconds(86_400)),
                standard: standard(policy.negative),
                "How long 'no such image' is remembered."),
        ]
    }
}

extension OutageSettings {
    static func keys(standards: Bool) -> [Setting<Self>] {
        let standard: JSONValue? = standards ? .string("serve-stale") : nil
        return [
            Setting(
                "unreachable", \.unreachable, .outageAnswer, standard: standard, "No connection, or no answer in time."),
            Setting("serverError", \.serverError, .outageAnswer, standard: standard, "5xx."),
            Setting("rateLimited", \.rateLimited, .outageAnswer, standard: standard, "429."),
            Setting("unauthorized", \.unauthorized, .outageAnswer, standard: standard, "401 or 403."),
            Setting("notFound", \.notFound, .outageAnswer, standard: standard, "404."),
        ]
    }
}

extension UpstreamTLSSettings {
    static var keys: [Setting<Self>] {
        [
            Setting("ca", \.ca, .existingFile("a PEM file"), "Authorities trusted in place of the system's."),
            Setting("certificate", \.certificate, .existingFile("a PEM file"), "A certificate to show; with 'key'."),
            Setting("key", \.key, .existingFile("a PEM file"), "The certificate's private key."),
            Setting(
                "skipVerify", \.skipVerify, .flag, standard: .bool(false),
                "Accepts any certificate: whoever is on the way can read and forge everything."),
        ]
    }
}

extension UpstreamTimeoutSettings {
    static var keys: [Setting<Self>] {
        let range = Duration.milliseconds(100)...Duration.seconds(3600)
        return [
            Setting("connect", \.connect, .duration(range), standard: .string("10s"), "Until there is a connection."),
            Setting("answer", \.answer, .duration(range), standard: .string("30s"), "Until an answer begins."),
            Setting("stall", \.stall, .duration(range), standard: .string("30s"), "Between two pieces of a body."),
        ]
    }
}
