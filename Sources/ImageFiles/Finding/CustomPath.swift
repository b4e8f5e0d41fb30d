/// Where a custom resource names an image: `Prometheus:spec.image`, `*:spec.parts[*].image`.
package struct CustomPath: Sendable, Hashable {
    /// Nil: every kind.
    let kind: String?
    /// `*` stands for every entry of a list or a group.
    let steps: [String]

    /// The last step, which has to be somewhere in a file for the path to find anything.
    package var lastKey: String { steps.last { $0 != "*" } ?? "" }

    /// Parses `KIND:KEY.KEY[*].KEY`; a dot that belongs to a key has a backslash before it.
    package init(_ text: String) throws(CustomPathError) {
        guard let colon = text.firstIndex(of: ":") else { throw .noKind(text) }
        let kind = String(text[..<colon])
        guard !kind.isEmpty, text.utf8.count <= 512 else { throw .noKind(text) }
        var steps: [String] = []
        var step = ""
        var isEscaped = false
        for character in text[text.index(after: colon)...].replacing("[*]", with: ".*") {
            if isEscaped || character != "." && character != "\\" {
                step.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                steps.append(step)
                step = ""
            }
        }
        steps.append(step)
        guard !isEscaped, steps.allSatisfy({ !$0.isEmpty }), steps.contains(where: { $0 != "*" }) else {
            throw .malformed(text)
        }
        self.kind = kind == "*" ? nil : kind
        self.steps = steps
    }
}

/// Why a text is no path to an image.
package enum CustomPathError: Error, Hashable, CustomStringConvertible {
    case noKind(String)
    case malformed(String)

    package var description: String {
        switch self {
        case .noKind(let text): "'\(text)' names no kind; write KIND:PATH, such as 'Prometheus:spec.image'"
        case .malformed(let text): "'\(text)' is no path; write KIND:KEY.KEY[*].KEY"
        }
    }
}
