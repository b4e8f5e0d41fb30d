extension Format where Value == String {
    /// Any text that is not empty.
    static var text: Format { text("a text") }

    static func text(_ expectation: String) -> Format {
        .scalar(expectation, schema: JSONValue.typed("string"), show: { .string($0) }) { text throws(ValueProblem) in
            guard !text.isEmpty else { throw ValueProblem("is empty; give \(expectation) or remove the key") }
            guard !text.utf8.contains(0) else { throw ValueProblem("has a NUL character in it") }
            return text
        }
    }

    /// A path; relative ones start from the directory of the configuration file.
    static func path(_ expectation: String) -> Format {
        let text = text(expectation)
        return Format(
            expectation: expectation, schema: text.schema,
            read: { node, old, reader in
                text.read(node, old, &reader).map { resolved($0, in: reader.directory) }
            },
            show: text.show)
    }

    /// The path of a file that must be there and readable.
    static func existingFile(_ expectation: String) -> Format {
        let path = path(expectation)
        return Format(
            expectation: expectation, schema: path.schema,
            read: { node, old, reader in
                guard let file = path.read(node, old, &reader) else { return nil }
                if !isReadableFile(file) {
                    reader.report(
                        "the file cannot be read; create it, mend its permissions, or remove the key", at: node)
                }
                return file
            },
            show: path.show)
    }

    /// One of a few words.
    static func choice(_ words: [String]) -> Format {
        let expectation = "one of \(words.joined(separator: ", "))"
        return .scalar(
            expectation, schema: .object([.init("enum", .array(words.map { .string($0) }))]), show: { .string($0) }
        ) { text throws(ValueProblem) in
            guard words.contains(text) else {
                let hint = suggestion(for: text, among: words).map { "; did you mean '\($0)'?" } ?? ""
                throw ValueProblem("is not \(expectation)\(hint)")
            }
            return text
        }
    }
}

extension Format where Value == Secret {
    /// A password or token. Anything written is taken as text, numbers too.
    static func secret(_ expectation: String) -> Format {
        Format(
            expectation: expectation, schema: JSONValue.typed("string", "number"),
            read: { node, _, reader in
                guard let scalar = reader.scalar(node, expected: expectation) else { return nil }
                // The value itself is never repeated: see ``Substitution`` for references, and this for what stands
                // there.
                guard !scalar.text.isEmpty else {
                    reader.report("\(scalar.shown) is empty; give \(expectation) or remove the key", at: node)
                    return nil
                }
                return Secret(scalar.text, template: scalar.template)
            }, show: { _ in .string(Secret.mask) })
    }
}

extension Format where Value == Bool {
    static var flag: Format {
        .scalar(
            "true or false", schema: JSONValue.orReference(.object([.init("type", .string("boolean"))])),
            show: { .bool($0) }
        ) { text throws(ValueProblem) in
            switch text {
            case "true": return true
            case "false": return false
            default: throw ValueProblem("is neither true nor false")
            }
        }
    }
}

extension Format where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> Format {
        let expectation = "a number from \(range.lowerBound) to \(range.upperBound)"
        let schema: JSONValue = .object([
            .init("type", .string("integer")), .init("minimum", .integer(range.lowerBound)),
            .init("maximum", .integer(range.upperBound)),
        ])
        return .scalar(expectation, schema: JSONValue.orReference(schema), show: { .integer($0) }) {
            text throws(ValueProblem) in
            guard let number = Int(text), range.contains(number) else { throw ValueProblem("is not \(expectation)") }
            return number
        }
    }

    /// A share of something, from 1 to 100, with or without `%`.
    static func percent() -> Format {
        .scalar(
            "a percentage, such as '95%'",
            schema: .object([
                .init("type", .array([.string("integer"), .string("string")])),
                .init("pattern", .string(JSONValue.pattern("[1-9][0-9]?%?|100%?"))), .init("minimum", .integer(1)),
                .init("maximum", .integer(100)),
            ]), show: { .string("\($0)%") }
        ) { text throws(ValueProblem) in
            guard let number = Int(text.hasSuffix("%") ? text.dropLast() : text[...]), (1...100).contains(number) else {
                throw ValueProblem("is no percentage from 1% to 100%")
            }
            return number
        }
    }
}

extension JSONValue {
    /// A schema that allows these types.
    static func typed(_ types: String...) -> JSONValue {
        .object([.init("type", types.count == 1 ? .string(types[0]) : .array(types.map { .string($0) }))])
    }

    /// A schema that allows a reference (`${env:…}`) in place of the value.
    static func orReference(_ schema: JSONValue) -> JSONValue {
        .object([
            .init(
                "anyOf",
                .array([schema, .object([.init("type", .string("string")), .init("pattern", .string(#"\$\{"#))])]))
        ])
    }

    /// A regular expression that matches the whole of a text, or a text with a reference in it.
    static func pattern(_ expression: String) -> String { #"^(\#(expression))$|\$\{"# }
}

extension Format where Value == FollowedText {
    /// A text that is shown, and followed where files are in it.
    static func followed(_ expectation: String) -> Format {
        let plain = Format<String>.text(expectation)
        return Format(
            expectation: plain.expectation, schema: plain.schema,
            read: { node, _, reader in
                guard let text = plain.read(node, nil, &reader),
                    let scalar = reader.scalar(node, expected: expectation)
                else { return nil }
                return FollowedText(text: text, template: scalar.template)
            }, show: { .string($0.text) })
    }
}
