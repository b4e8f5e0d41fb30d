internal import OCI
internal import Quota

extension AccountSettings {
    /// The keys, for a group that holds these settings at `path`.
    static func keys<Target>(at path: WritableKeyPath<Target, AccountSettings>) -> [Setting<Target>] {
        [
            Setting(
                "username", path.appending(path: \.username), Format.followed("a user name").tolerant.located,
                "The account; with 'accessToken'."),
            Setting(
                "accessToken", path.appending(path: \.accessToken), Format.secret("an access token").tolerant.located,
                "The account's token or password."),
            Setting(
                "password", path.appending(path: \.password), Format.secret("a password").tolerant.located,
                "The same as 'accessToken'."),
            Setting(
                "identityToken", path.appending(path: \.identityToken),
                Format.secret("an identity token").tolerant.located,
                "A refresh token, in place of 'username' and 'accessToken'."),
        ] + CredentialSettings.keys(at: path.appending(path: \.elsewhere))
    }
}

/// A name is shown in tables and is a label of metrics.
func parseAccountName(_ text: String) throws(ValueProblem) -> AccountName {
    let isFit = (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { isNameByte($0) }
    guard isFit else {
        throw ValueProblem("cannot name an account; letters, digits, '.', '_', '-' and '@' can, up to 64 of them")
    }
    let name = AccountName(text)
    guard name != .anonymous else {
        throw ValueProblem("cannot name an account, since it means none; 'anonymous: allowed' is a key of the rule")
    }
    return name
}

private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "@"):
        true
    default: false
    }
}

extension Format where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of a type's words.
    static func word() -> Format {
        let words = Format<String>.choice(Value.allCases.map(\.rawValue))
        return Format(
            expectation: words.expectation, schema: words.schema,
            read: { node, _, reader in words.read(node, nil, &reader).flatMap { Value(rawValue: $0) } },
            show: { .string($0.rawValue) })
    }
}

extension Format where Value == QuotaPolicy.Share {
    /// `10%` of a limit, or a number of pulls.
    static var budgetShare: Format {
        .scalar(
            "a percentage such as '10%', or a number of pulls",
            schema: .object([
                .init("type", .array([.string("string"), .string("integer")])),
                .init("pattern", .string(JSONValue.pattern("[0-9][0-9]?%|100%|[0-9]+"))), .init("minimum", .integer(0)),
            ]),
            show: { share in
                switch share {
                case .percent(let percent): .string("\(percent)%")
                case .pulls(let count): .integer(Int(count))
                }
            }
        ) { text throws(ValueProblem) in
            if text.hasSuffix("%") {
                guard let percent = Int(text.dropLast()), (0...100).contains(percent) else {
                    throw ValueProblem("is no percentage from 0% to 100%")
                }
                return .percent(percent)
            }
            guard let count = Int64(text), (0...1_000_000_000).contains(count) else {
                throw ValueProblem("is no number of pulls; write one such as '20', or a percentage such as '10%'")
            }
            return .pulls(count)
        }
    }
}

extension Format where Value == ProbeChoice {
    static var probe: Format {
        .scalar(
            "'auto', 'off' or REPOSITORY:TAG", schema: JSONValue.typed("string"),
            show: { choice in
                switch choice {
                case .automatic: .string("auto")
                case .off: .string("off")
                case .image(let repository, let reference): .string("\(repository):\(reference)")
                }
            }
        ) { text throws(ValueProblem) in
            switch text {
            case "auto": return .automatic
            case "off", "false": return .off
            default:
                let advice = "write 'auto', 'off' or REPOSITORY:TAG, such as 'library/alpine:latest'"
                guard let colon = text.lastIndex(of: ":"),
                    let tag = try? Tag(String(text[text.index(after: colon)...])),
                    let repository = try? RepositoryName(String(text[..<colon]))
                else { throw ValueProblem("is no image; \(advice)") }
                return .image(repository, .tag(tag))
            }
        }
    }
}
