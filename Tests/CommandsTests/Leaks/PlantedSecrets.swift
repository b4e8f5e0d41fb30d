import Foundation

/// The secrets that ``LeakTests`` plants, and a search for each of them in every form in which it might get out.
struct PlantedSecrets {
    /// Where each stands.
    enum Place: String, CaseIterable {
        case literal, environment, refused, firstFile, secondFile, dockerConfiguration, helper, helperErrors, sops
        case otherSOPS, agePassphrase, proxy, client, query, cookie, signature, token, upstreamURL
        case awsKey, awsSession, ecrToken, googleToken, azureSecret, azureAccess, azureRefresh
    }

    /// Public, and put where it has to be found: otherwise the search would not have looked there.
    static let canary = "canary-3f9c1d7e"

    private static let fixed: [Place: String] = [
        // What Tests/SOPSTests/Fixtures holds.
        .sops: "hush-hub", .otherSOPS: "hush-ghcr",
        // As a field takes it.
        .token: "hush+token/5b81e0c2-",
    ]

    static func secret(_ place: Place) -> String { fixed[place] ?? "hush+\(place.rawValue)/5b81e0c2&" }

    /// `Basic` of `user` with the secret of `place`, as a field shows it.
    static func basic(_ user: String, _ place: Place) -> String {
        "Basic " + Data("\(user):\(secret(place))".utf8).base64EncodedString()
    }

    private struct Needle {
        var name: String
        var bytes: [UInt8]
    }

    private let needles: [Needle]

    /// - Parameter others: further secrets, searched for as they are.
    init(and others: [(name: String, text: String)] = []) {
        var needles = Place.allCases.flatMap { place in
            Self.forms(of: Self.secret(place)).map { Needle(name: "\(place.rawValue), \($0.name)", bytes: $0.bytes) }
        }
        needles += others.map { Needle(name: $0.name, bytes: Array($0.text.utf8)) }
        self.needles = needles
    }

    private static func forms(of secret: String) -> [(name: String, bytes: [UInt8])] {
        let escaped = secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? secret
        var forms: [(name: String, text: String)] = [
            ("plain", secret), ("percent-encoded", escaped), ("percent-encoded", escaped.replacing("%2D", with: "-")),
            ("in JSON", secret.replacing("/", with: "\\/")),
            ("in HTML", secret.replacing("&", with: "&amp;")),
            ("in hexadecimal", secret.utf8.map { String(format: "%02x", $0) }.joined()),
        ]
        // Within a longer text it starts at any of three places of a group of base64; so `Basic` is among these.
        for filler in 0..<3 {
            let whole = Data(repeating: 0, count: filler) + Data(secret.utf8)
            let first = (filler * 8 + 5) / 6
            let last = whole.count * 8 / 6
            let text = String(whole.base64EncodedString().prefix(last).dropFirst(first))
            forms.append(("in base64", text))
            forms.append(("in base64 of URLs", text.replacing("+", with: "-").replacing("/", with: "_")))
        }
        return forms.map { ($0.name, Array($0.text.utf8)) }
    }

    /// What of them is in `text`, by name and form.
    func found(in text: String) -> [String] { found(in: Data(text.utf8)) }

    func found(in data: Data) -> [String] { needles.filter { Self.holds(data, $0.bytes) }.map(\.name) }

    static func holds(_ data: Data, _ bytes: [UInt8]) -> Bool { data.range(of: Data(bytes)) != nil }

    /// What a private key's PEM file holds, line by line: its first line is nearly the same in every key.
    static func lines(ofKey path: String) throws -> [(name: String, text: String)] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst(2)
            .filter { $0.count >= 20 && !$0.hasPrefix("-") }.map { ("the key \(path)", String($0)) }
    }
}
