package import OCI

/// Whether a token endpoint may be asked on behalf of an upstream, and be shown its credentials.
package enum RealmTrust {
    /// - A realm at one of `trustedHosts` (by name; by port too, where one is given) is trusted.
    /// - So is one at the upstream's own host name or address, at any port.
    /// - So is one under the upstream's registrable domain: `auth.docker.io` for `registry-1.docker.io`.
    ///
    /// In any case it is `https:`, unless the upstream itself is reached by `http:`.
    package static func isTrusted(realm: WebAddress, upstream: WebAddress, trustedHosts: [RegistryHost]) -> Bool {
        guard realm.scheme == .https || upstream.scheme == .http else { return false }
        if isNamed(realm, in: trustedHosts) { return true }
        if realm.host == upstream.host { return true }
        guard let domain = registrableDomain(of: upstream.host) else { return false }
        return domain == registrableDomain(of: realm.host)
    }

    /// Whether the rule itself names the realm's host.
    static func isNamed(_ realm: WebAddress, in hosts: [RegistryHost]) -> Bool {
        hosts.contains { trusted in
            let name = trusted.name.hasPrefix("[") ? String(trusted.name.dropFirst().dropLast()) : trusted.name
            return name == realm.host && (trusted.port.map { Int($0) == realm.port } ?? true)
        }
    }

    /// The part of a name that one party owns; nil where only the whole name is sure to be one party's.
    ///
    /// A small rule in place of the Public Suffix List, on the side of caution: the last two labels; three under a
    /// country's second level (`co.uk`); none under domains whose owners let anyone have names.
    package static func registrableDomain(of host: String) -> String? {
        guard AddressClass.ofLiteral(host) == nil, !host.contains(":") else { return nil }
        let labels = host.split(separator: ".")
        guard labels.count >= 2, labels.allSatisfy({ !$0.isEmpty }) else { return nil }
        if sharedDomains.contains(where: { host == $0 || host.hasSuffix("." + $0) }) { return nil }
        let last = labels.suffix(2)
        let isCountry = last.last?.utf8.count == 2
        if isCountry, let second = last.first, countrySecondLevels.contains(second) || second.utf8.count <= 2 {
            return labels.count >= 3 ? labels.suffix(3).joined(separator: ".") : nil
        }
        return last.joined(separator: ".")
    }

    private static let countrySecondLevels: Set<Substring> = [
        "com", "net", "org", "edu", "gov", "gob", "mil", "nom", "ltd", "plc", "sch", "nhs", "police", "info", "web",
    ]

    /// Domains in which names belong to different parties: clouds, hosters, tunnels.
    private static let sharedDomains = [
        "amazonaws.com", "amazonaws.com.cn", "on.aws", "awsapprunner.com", "cloudfront.net", "elasticbeanstalk.com",
        "azurecr.io", "azurecr.cn", "azurecr.us", "azurewebsites.net", "azure-api.net", "azurefd.net", "azureedge.net",
        "cloudapp.net", "cloudapp.azure.com", "azurecontainer.io", "azurecontainerapps.io", "windows.net",
        "pkg.dev", "run.app", "appspot.com", "cloudfunctions.net", "web.app", "firebaseapp.com",
        "googleusercontent.com",
        "github.io", "githubpreview.dev", "gitlab.io", "bitbucket.io", "herokuapp.com", "fly.dev", "onrender.com",
        "vercel.app", "netlify.app", "pages.dev", "workers.dev", "r2.dev", "trycloudflare.com", "ngrok.io",
        "ngrok.app", "ngrok-free.app", "ts.net", "duckdns.org", "dyndns.org", "no-ip.org", "ddns.net", "nip.io",
        "sslip.io", "ondigitalocean.app", "digitaloceanspaces.com", "linodeobjects.com", "backblazeb2.com", "scw.cloud",
        "ocir.io", "oraclecloud.com", "myhuaweicloud.com", "aliyuncs.com", "tencentcr.com", "myqcloud.com",
        "cluster.local", "internal", "local", "localdomain", "home.arpa",
    ]
}
