package import Credentials

extension SecretTemplate {
    /// The text as it is now, its files read anew.
    package func read() async throws(CredentialError) -> String {
        var text = ""
        for part in parts {
            switch part {
            case .text(let part): text += part
            case .file(let path): text += try Self.text(try await SecretFile.read(path), path)
            }
        }
        return text
    }

    /// A file's content without the newline at its end.
    static func text(_ bytes: [UInt8], _ path: String) throws(CredentialError) -> String {
        guard var text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else {
            throw .malformed(reason: "the file \(path) is not UTF-8 text")
        }
        if text.hasSuffix("\r\n") {
            text.unicodeScalars.removeLast(2)
        } else if text.hasSuffix("\n") {
            text.removeLast()
        }
        return text
    }
}
