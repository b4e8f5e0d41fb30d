package import Credentials
internal import FoundationEssentials

/// Docker's `config.json`, or a Kubernetes secret of type `kubernetes.io/dockerconfigjson`: what it says of accounts.
package struct DockerConfiguration: Sendable {
    /// Where one registry's account is found; tried in order.
    enum Candidate: Hashable, Sendable {
        case helper(name: String)
        case account(AccountCredentials)
        /// There is an entry, and it is of no use.
        case unusable(reason: String)
    }

    /// The largest file that is read, in bytes.
    package static let sizeLimitBytes = 1 << 20

    private struct Document: Decodable {
        var auths: [String: Entry]?
        var credHelpers: [String: String]?
        var credsStore: String?
    }

    private struct Entry: Decodable {
        var auth: String?
        var username: String?
        var password: String?
        var identitytoken: String?
        var registrytoken: String?
    }

    private let entries: [String: Entry]
    private let helpers: [String: String]
    private let store: String?

    /// - Throws: without a word of the content.
    package init(_ bytes: [UInt8]) throws(CredentialError) {
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)) else {
            throw .malformed(reason: "it is no Docker configuration: no JSON object with 'auths' or 'credHelpers'")
        }
        entries = document.auths ?? [:]
        helpers = document.credHelpers ?? [:]
        store = document.credsStore.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Where the account for `registry` (`HOST` or `HOST:PORT`) is found, as Docker looks it up: the registry's own
    /// helper alone; else the store for all, and the entry in the file.
    func candidates(for registry: DockerServer) -> [Candidate] {
        if let helper = value(in: helpers, for: registry), !helper.isEmpty { return [.helper(name: helper)] }
        var candidates: [Candidate] = []
        if let store { candidates.append(.helper(name: store)) }
        if let entry = value(in: entries, for: registry), let found = Self.candidate(entry) { candidates.append(found) }
        return candidates
    }

    /// The exact key before one that names the same host in another way.
    private func value<Value>(in table: [String: Value], for registry: DockerServer) -> Value? {
        for key in registry.keys { if let value = table[key] { return value } }
        let same = table.keys.filter { registry.isNamed(by: $0) }
        return same.min().flatMap { table[$0] }
    }

    private static func candidate(_ entry: Entry) -> Candidate? {
        if let token = entry.identitytoken, !token.isEmpty { return .account(.refreshToken(token)) }
        if let text = entry.auth, !text.isEmpty {
            guard let data = Data(base64Encoded: text), let pair = String(validating: data, as: UTF8.self),
                let colon = pair.firstIndex(of: ":")
            else { return .unusable(reason: "its 'auth' is not the base64 of USER:PASSWORD") }
            var password = pair[pair.index(after: colon)...]
            // Old versions of Docker left the padding of their buffer in.
            while password.utf8.last == 0 { password = password.dropLast() }
            return account(String(pair[..<colon]), String(password))
        }
        if let username = entry.username, let password = entry.password { return account(username, password) }
        if let token = entry.registrytoken, !token.isEmpty {
            return .unusable(reason: "it holds a 'registrytoken', which is good for one repository alone")
        }
        return nil
    }

    private static func account(_ username: String, _ password: String) -> Candidate? {
        // `docker logout` and credential stores leave empty entries behind.
        guard !username.isEmpty, !password.isEmpty else { return nil }
        return .account(.basic(username: username, password: password))
    }
}
