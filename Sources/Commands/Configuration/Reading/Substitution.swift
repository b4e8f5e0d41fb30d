internal import CredentialSources

/// A scalar after `${env:NAME}` and `${file:PATH}` were put in.
struct ScalarText {
    var text: String
    /// Whether every character stands in the configuration itself, so that messages may repeat it.
    var isQuotable: Bool
    /// The files in it, and what stands between them.
    var template: SecretTemplate

    init(text: String, isQuotable: Bool, template: SecretTemplate? = nil) {
        self.text = text
        self.isQuotable = isQuotable
        self.template = template ?? SecretTemplate(text)
    }

    /// For messages: the text in quotes, or words in its place where it may be secret. `@` may follow a password.
    var shown: String { isQuotable && !text.contains("@") ? "'\(text.prefix(80))'" : "the value" }
}

/// Puts environment variables and files in place of `${env:NAME}` and `${file:PATH}`; `$${` stands for `${`.
struct Substitution {
    /// Bytes read of a file at the most; a secret is short.
    static let fileLimitBytes = 64 << 10

    let environment: [String: String]
    /// What relative paths start from: the directory of the configuration file.
    let directory: String

    /// - Throws: what is wrong, and what to do. Names the variable or file, never a content.
    func apply(to text: String) throws(ValueProblem) -> ScalarText {
        guard text.contains("${") else { return ScalarText(text: text, isQuotable: true) }
        var result = ""
        var parts: [SecretTemplate.Part] = []
        var isQuotable = true
        func add(_ text: some StringProtocol) {
            result += text
            parts.append(.text(String(text)))
        }
        var rest = text[...]
        while let opening = rest.firstRange(of: "${") {
            if rest[..<opening.lowerBound].hasSuffix("$") {
                add(rest[..<opening.upperBound].dropLast(3) + "${")
                rest = rest[opening.upperBound...]
                continue
            }
            add(rest[..<opening.lowerBound])
            guard let end = rest[opening.upperBound...].firstIndex(of: "}") else {
                throw ValueProblem("'${' has no '}'; write '${env:NAME}' or '${file:PATH}', and '$${' for a plain '${'")
            }
            let expression = rest[opening.upperBound..<end]
            let content = try content(of: expression)
            if expression.hasPrefix("file:") {
                result += content
                parts.append(.file(path: resolved(String(expression.dropFirst(5)), in: directory)))
            } else {
                add(content)
            }
            isQuotable = false
            rest = rest[rest.index(after: end)...]
        }
        add(rest)
        return ScalarText(text: result, isQuotable: isQuotable, template: SecretTemplate(parts))
    }

    private func content(of expression: Substring) throws(ValueProblem) -> String {
        if expression.hasPrefix("env:") {
            let name = String(expression.dropFirst(4))
            guard let value = environment[name] else {
                throw ValueProblem("the environment variable '\(name)' is not set; set it, or remove the reference")
            }
            return value
        }
        if expression.hasPrefix("file:") {
            let path = String(expression.dropFirst(5))
            guard !path.isEmpty else { throw ValueProblem("'${file:}' names no file") }
            var text: String
            do throws(FileReadError) {
                text = try readTextFile(resolved(path, in: directory), limitBytes: Self.fileLimitBytes)
            } catch {
                throw ValueProblem("the file '\(path)' \(error.reason); create it, or remove the reference")
            }
            if text.hasSuffix("\r\n") {
                text.unicodeScalars.removeLast(2)
            } else if text.hasSuffix("\n") {
                text.removeLast()
            }
            return text
        }
        throw ValueProblem("'${\(expression.prefix(40))}' is not understood; write '${env:NAME}' or '${file:PATH}'")
    }
}

/// What is wrong with a value, and what to do, in words that follow the value or stand alone.
struct ValueProblem: Error {
    let message: String

    init(_ message: String) { self.message = message }
}

/// `path`, taken from `directory` where it is relative.
func resolved(_ path: String, in directory: String) -> String {
    path.hasPrefix("/") ? path : directory.hasSuffix("/") ? directory + path : "\(directory)/\(path)"
}
