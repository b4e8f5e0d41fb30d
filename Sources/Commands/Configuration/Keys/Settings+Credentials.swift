internal import CloudCredentials
internal import CredentialSources
internal import Yams

/// Where an account is had from that is not written out.
struct CredentialSettings {
    var dockerConfig: Located<String>?
    var credentialHelper: Located<String>?
    var ecr: Located<AmazonSettings>?
    var gcp: Located<GoogleSettings>?
    var azure: Located<AzureSettings>?
}

struct AmazonSettings {
    var keys = AmazonConfiguration.KeySource.automatic.rawValue
    var profile: String?
    var region: String?
    var endpoint: String?
}

struct GoogleSettings {
    var keyFile: String?
    var metadata = false
    var serviceAccount: String?
}

struct AzureSettings {
    /// As `identity` is written.
    static let identities = ["service-principal", "managed", "workload"]

    var identity: String?
    var tenant: String?
    var client: String?
    var clientSecret: Secret?
}

extension CredentialSettings {
    /// Stands for Docker's own file in place of a path.
    static let dockersOwn = "default"

    /// The keys, for a group that holds these settings at `path`.
    static func keys<Target>(at path: WritableKeyPath<Target, CredentialSettings>) -> [Setting<Target>] {
        [
            Setting(
                "dockerConfig", path.appending(path: \.dockerConfig), Format.dockerConfiguration.located,
                "Docker's config.json, or a Kubernetes secret of that form, that has the account; followed as it "
                    + "changes. 'default' is Docker's own."),
            Setting(
                "credentialHelper", path.appending(path: \.credentialHelper), Format.credentialHelper.located,
                "The program docker-credential-NAME, which has the account."),
            Setting(
                "ecr", path.appending(path: \.ecr), Format.group(AmazonSettings.keys, { AmazonSettings() }).located,
                "Amazon ECR, private or public: tokens by Amazon's own keys."),
            Setting(
                "gcp", path.appending(path: \.gcp), Format.group(GoogleSettings.keys, { GoogleSettings() }).located,
                "Google Artifact Registry: tokens of a service account."),
            Setting(
                "azure", path.appending(path: \.azure), Format.group(AzureSettings.keys, { AzureSettings() }).located,
                "Azure Container Registry: tokens of an identity of the directory."),
        ]
    }
}

extension AmazonSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "keys", \.keys, Format<String>.choice(AmazonConfiguration.KeySource.allCases.map(\.rawValue)),
                standard: .string("auto"),
                "Where Amazon's keys come from; 'auto' is the first that the environment names, and never the "
                    + "instance's metadata."),
            Setting(
                "profile", \.profile, .text("a profile"), standard: .string("$AWS_PROFILE"),
                "The profile in Amazon's shared file."),
            Setting(
                "region", \.region, .text("a region"), standard: .string("the registry's"),
                "Needed where the registry's name does not say it."),
            Setting("endpoint", \.endpoint, .endpoint, "In place of Amazon's own, such as a private endpoint."),
        ]
    }
}

extension GoogleSettings {
    static var keys: [Setting<Self>] {
        [
            Setting("keyFile", \.keyFile, Format.path("a JSON key file"), "The key of a service account."),
            Setting(
                "metadata", \.metadata, .flag, standard: .bool(false),
                "Asks the machine's metadata service instead."),
            Setting(
                "serviceAccount", \.serviceAccount, .text("a service account"), standard: .string("default"),
                "Which one the metadata service is asked for."),
        ]
    }
}

extension AzureSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "identity", \.identity, Format<String>.choice(identities),
                "Whose token it is. 'managed' is the machine's, App Service's or Container Apps'; 'workload' that of "
                    + "AZURE_FEDERATED_TOKEN_FILE."),
            Setting("tenant", \.tenant, .text("a tenant"), "Of a service principal."),
            Setting("client", \.client, .text("a client ID"), "Of a service principal, or of a managed identity."),
            Setting("clientSecret", \.clientSecret, .secret("a client secret"), "Of a service principal."),
        ]
    }
}

extension Format where Value == String {
    fileprivate static var dockerConfiguration: Format {
        let path = path("a file, or 'default'")
        return Format(
            expectation: path.expectation, schema: path.schema,
            read: { node, old, reader in
                if node.scalar?.string == CredentialSettings.dockersOwn { return CredentialSettings.dockersOwn }
                return path.read(node, old, &reader)
            },
            show: path.show)
    }

    fileprivate static var credentialHelper: Format {
        .scalar("what follows 'docker-credential-'", schema: JSONValue.typed("string"), show: { .string($0) }) {
            text throws(ValueProblem) in
            guard CredentialHelper.isName(text) else {
                throw ValueProblem("cannot name a credential helper; give what follows 'docker-credential-'")
            }
            return text
        }
    }

    fileprivate static var endpoint: Format {
        .scalar("https://HOST[:PORT]", schema: JSONValue.typed("string"), show: { .string($0) }) {
            text throws(ValueProblem) in
            let scheme = text.hasPrefix("https://") ? 8 : text.hasPrefix("http://") ? 7 : nil
            guard let scheme, text.utf8.count > scheme,
                !text.dropFirst(scheme).contains(where: { "/?#@ ".contains($0) })
            else { throw ValueProblem("is no endpoint; write https://HOST") }
            return text
        }
    }
}
