internal import AgeEncryption

/// The age keys that encrypted files are decrypted with: those of the configuration, and those that the program `sops`
/// would take. Looked for when the first encrypted file is met.
struct AgeKeyRing {
    let settings: DecryptionSettings
    let environment: [String: String]
    let workingDirectory: String

    /// All keys that there are; none is no failure here.
    func keys() throws(ConfigurationProblem) -> [AgeKey] {
        var keys: [AgeKey] = []
        if let key = settings.ageKey { keys += try parse(key.value.reveal(), key.place, "the age key") }
        if let file = settings.ageKeyFile { keys += try read(file.value, file.place) }
        if let text = environment["SOPS_AGE_KEY"], !text.isEmpty {
            keys += try parse(text, .init(source: "SOPS_AGE_KEY"), "the age key")
        }
        if let file = environment["SOPS_AGE_KEY_FILE"], !file.isEmpty {
            keys += try read(resolved(file, in: workingDirectory), .init(source: "SOPS_AGE_KEY_FILE"))
        }
        if let file = standardFile(), isReadableFile(file) { keys += try read(file, .init(source: file)) }
        if let passphrase = settings.agePassphrase { keys.append(.passphrase(passphrase.value.reveal())) }
        return keys
    }

    /// Where `sops` keeps its keys on Linux.
    private func standardFile() -> String? {
        if let directory = environment["XDG_CONFIG_HOME"], directory.hasPrefix("/") {
            return "\(directory)/sops/age/keys.txt"
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return "\(home)/.config/sops/age/keys.txt"
    }

    private func read(
        _ path: String, _ place: ConfigurationProblem.Place
    ) throws(ConfigurationProblem) -> [AgeKey] {
        let text: String
        do throws(FileReadError) {
            text = try readTextFile(path, limitBytes: Substitution.fileLimitBytes)
        } catch {
            // An encrypted file of keys in its binary form is no text.
            throw ConfigurationProblem("the file of age keys \(path) \(error.reason)", at: place)
        }
        return try parse(text, place, "the file of age keys \(path)")
    }

    private func parse(
        _ text: String, _ place: ConfigurationProblem.Place, _ what: String
    ) throws(ConfigurationProblem) -> [AgeKey] {
        do throws(AgeError) {
            let bytes = Array(text.utf8)
            guard AgeFile.isEncrypted(bytes) else { return try AgeKey.keys(in: text) }
            // A file of keys may itself be locked with a passphrase: `age -a -p key.txt`.
            let keys = settings.agePassphrase.map { [AgeKey.passphrase($0.value.reveal())] } ?? []
            return try AgeKey.keys(in: String(decoding: try AgeFile.decrypt(bytes, keys: keys), as: UTF8.self))
        } catch {
            throw ConfigurationProblem("\(what): \(error)", at: place)
        }
    }
}
