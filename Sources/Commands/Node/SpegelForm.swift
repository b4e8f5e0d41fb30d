internal import FoundationEssentials
internal import OCI
internal import PeerRegistry

/// How Spegel's flags and files are written.
enum SpegelForm {
    /// `:5000` means every address.
    static func address(_ text: String) -> String { text.hasPrefix(":") ? "0.0.0.0\(text)" : text }

    static func port(_ address: String) throws(CommandFailure) -> Int {
        guard let port = address.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw CommandFailure(.usage, "'\(address)' is no address; write HOST:PORT or :PORT")
        }
        return Int(port)
    }

    /// `--http-bootstrap-peer` of older versions: what is asked, or HOST:PORT of a node.
    static func bootstrapURL(_ text: String) -> String {
        text.contains("://") ? text : "http://\(text)/id"
    }

    /// - Throws: where it is no duration as Go writes them.
    static func duration(_ flag: String, _ text: String) throws(CommandFailure) -> Duration {
        guard let duration = GoText.duration(text) else {
            throw CommandFailure(.usage, "\(flag): '\(text)' is no duration; write 20ms, 0.5s or 1m30s")
        }
        return duration
    }

    static func level(_ text: String) -> String {
        switch text.uppercased() {
        case "DEBUG": "debug"
        case "WARN": "warning"
        case "ERROR": "error"
        default: "info"
        }
    }

    static func certificates(_ directory: String?) -> PeerHTTP.TLS {
        func file(_ name: String) -> String? {
            directory.map { "\($0)/\(name)" }.flatMap { isReadableFile($0) ? $0 : nil }
        }
        return PeerHTTP.TLS(
            authorityFile: file("ca.crt"), certificateFile: file("tls.crt"), keyFile: file("tls.key"))
    }

    /// The account of `/etc/secrets/basic-auth`, of which either file may be missing.
    static func authorization(directory: String = "/etc/secrets/basic-auth") -> String? {
        let parts = ["username", "password"].map { name in
            (try? readTextFile("\(directory)/\(name)", limitBytes: 4096)).map { text in
                String(text.reversed().drop { $0.isNewline }.reversed())
            }
        }
        guard parts.contains(where: { $0 != nil }) else { return nil }
        return "Basic " + Data("\(parts[0] ?? ""):\(parts[1] ?? "")".utf8).base64EncodedString()
    }

    /// Registries as URLs; none where all are meant, by `_default`, a star or nothing.
    static func registries(_ texts: [String]) throws(CommandFailure) -> [(host: RegistryHost, usesTLS: Bool)] {
        var list: [(host: RegistryHost, usesTLS: Bool)] = []
        for text in texts {
            if text == "_default" || text.contains("*") { return [] }
            let usesTLS = !text.hasPrefix("http://")
            let rest = text.hasPrefix("https://") ? text.dropFirst(8) : usesTLS ? text[...] : text.dropFirst(7)
            guard let host = try? RegistryHost(String(rest)) else {
                throw CommandFailure(.usage, "--mirrored-registries: '\(text)' is no registry; write https://HOST")
            }
            if !list.contains(where: { $0.host == host }) { list.append((host, usesTLS)) }
        }
        return list
    }

    /// An address of a mirror; a bare IPv6 address in it is put between brackets.
    static func target(_ text: String) throws(CommandFailure) -> String {
        let scheme = ["http://", "https://"].first { text.hasPrefix($0) }
        let rest = text.dropFirst(scheme?.count ?? 0)
        guard let scheme, !rest.isEmpty, !rest.contains(where: { "/?#@*\"\\, ".contains($0) }) else {
            throw CommandFailure(.usage, "--mirror-targets: '\(text)' is no address; write http://HOST:PORT")
        }
        guard !rest.hasPrefix("["), rest.count(where: { $0 == ":" }) > 1, let colon = rest.lastIndex(of: ":") else {
            return text
        }
        return "\(scheme)[\(rest[..<colon])]\(rest[colon...])"
    }

    static func flag(_ name: String, _ text: String?, standard: Bool) throws(CommandFailure) -> Bool {
        switch text?.lowercased() {
        case nil: return standard
        case "true", "1", "t", "yes": return true
        case "false", "0", "f", "no": return false
        case let text?: throw CommandFailure(.usage, "\(name) is true or false, not '\(text)'")
        }
    }
}
