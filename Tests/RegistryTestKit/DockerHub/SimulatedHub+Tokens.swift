internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import Timekeeping

extension SimulatedHub.State {
    private static let tokenLimit = 10_000

    /// The 401 that asks for a token; nil where `request` shows one that will do.
    func challenge(to request: RequestRecord, url: String, now: Timestamp) -> Answer? {
        var reason: String?
        if case .bearer(let text) = request.authorization {
            switch tokens[text] {
            case .some(let token) where now < token.expiry:
                guard let repository = request.repository, !token.repositories.contains(repository) else { return nil }
                reason = "insufficient_scope"
            default: reason = "invalid_token"
            }
        }
        let scope = request.repository.map { #",scope="repository:\#($0):pull""# } ?? ""
        let error = reason.map { #",error="\#($0)""# } ?? ""
        var answer = Answer.error(401, "UNAUTHORIZED", "authentication required")
        answer.headers.add(
            name: "WWW-Authenticate",
            value: #"Bearer realm="\#(settings.realm ?? url + "/token")",service="\#(settings.service)""# + scope
                + error
        )
        return answer
    }

    /// Answers a request to the token endpoint, both the GET and OAuth2's POST with a password.
    mutating func answer(_ request: RequestRecord, address: String, now: Timestamp) -> Answer {
        let login: (username: String, password: String)?
        let scopes: [String]
        let service: String?
        switch request.method {
        case "GET":
            login = basicCredentials(request.headers.first(name: "Authorization"))
            if login == nil, request.headers.contains(name: "Authorization") {
                return refuse(nil, address: address, now: now)
            }
            scopes = request.queryItems.filter { $0.name == "scope" }.map(\.value)
            service = request.queryValue("service")
        case "POST":
            guard request.formValue("grant_type") == "password", let name = request.formValue("username"),
                let password = request.formValue("password")
            else { return Answer(400, json: #"{"error":"unsupported_grant_type"}"#) }
            login = (name, password)
            scopes = (request.formValue("scope") ?? "").split(separator: " ").map(String.init)
            service = request.formValue("service")
        default: return .error(405, "UNSUPPORTED")
        }
        guard service == settings.service else { return Answer(400, json: #"{"details":"invalid service"}"#) }
        if let login {
            if let refusal = refusal(of: login, address: address, now: now) { return refusal }
        } else if !settings.allowsAnonymous {
            return Answer(401, json: #"{"details":"authentication required"}"#)
        }
        return issue(to: login?.username, scopes: scopes, now: now)
    }

    /// Judges a login, and counts one that is wrong.
    private mutating func refusal(
        of login: (username: String, password: String), address: String, now: Timestamp
    ) -> Answer? {
        for source in [SimulatedHub.Source.account(login.username), .address(address)] {
            guard let until = refusals[source]?.lockedUntil else { continue }
            if now < until {
                addresses[address, default: SimulatedHub.AddressTally()].loginsWhileLocked += 1
                return Self.locked
            }
            refusals[source] = nil
        }
        guard accounts[login.username]?.password == login.password else {
            return refuse(login.username, address: address, now: now)
        }
        refusals[.account(login.username)] = nil
        refusals[.address(address)] = nil
        return nil
    }

    private mutating func refuse(_ name: String?, address: String, now: Timestamp) -> Answer {
        addresses[address, default: SimulatedHub.AddressTally()].refusedLogins += 1
        for source in [name.map { SimulatedHub.Source.account($0) }, .address(address)].compactMap({ $0 }) {
            var record = refusals[source] ?? SimulatedHub.Refusals()
            record.moments.removeAll { now - $0 > .seconds(settings.lockWindowSeconds) }
            record.moments.append(now)
            if let limit = settings.lockAfterRefusals, record.moments.count >= limit {
                record.lockedUntil = now + .seconds(settings.lockSeconds)
            }
            refusals[source] = record
        }
        return Answer(401, json: #"{"details":"incorrect username or password"}"#)
    }

    private static let locked = Answer(
        429, json: #"{"details":"too many failed login attempts for username or IP address"}"#)

    /// Grants what may be read of what was asked for, which may be nothing: that is no error.
    private mutating func issue(to account: String?, scopes: [String], now: Timestamp) -> Answer {
        let asked = scopes.compactMap { scope -> String? in
            let parts = scope.split(separator: ":")
            guard parts.count == 3, parts[0] == "repository", parts[2].split(separator: ",").contains("pull") else {
                return nil
            }
            return String(parts[1])
        }
        let granted = asked.filter { name in
            settings.readers[name].map { readers in account.map(readers.contains) ?? false } ?? true
        }
        if tokens.count >= Self.tokenLimit { tokens = tokens.filter { now < $0.value.expiry } }
        tokenCount += 1
        let text = "hub-\(tokenCount)"
        tokens[text] = SimulatedHub.Token(
            account: account, repositories: Set(granted), expiry: now + .seconds(settings.tokenSeconds))
        let moment = Date(timeIntervalSince1970: Double(now.seconds)).formatted(.iso8601)
        return Answer(
            200,
            json: #"{"token":"\#(text)","access_token":"\#(text)","expires_in":\#(settings.tokenSeconds),"#
                + #""issued_at":"\#(moment)"}"#)
    }
}
