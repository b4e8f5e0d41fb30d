package import ImageRewriting

/// An image that a file names, and how it is written there.
package struct FoundImage: Sendable {
    /// The reference, put together from its parts where they stand apart. Of variables that have a default in place
    /// the default is taken, and of others in tag or digest nothing.
    package let reference: String
    /// As it is written; for parts that stand apart as ``reference``.
    package let written: String
    /// From 1.
    package let line: Int
    /// In words for people: `Deployment web, containers[0]`.
    package let place: String
    /// What is known of where it will run.
    package let context: RewriteContext
    /// `Always`, `IfNotPresent`, `Never`; nil where it is not said.
    package let pullPolicy: String?
    /// Whether a variable leaves open which image is meant, so that it cannot be rewritten.
    package let isOpen: Bool
    let spelling: Spelling

    /// Whether it stands in a Kustomization's `images`.
    package var isKustomizeEntry: Bool { if case .kustomize = spelling { true } else { false } }
    /// Whether its registry stands in a value of its own, so that it has to be said.
    package var hasRegistryApart: Bool { if case .parts(_?, _) = spelling { true } else { false } }
    /// The reference without tag and digest, as it is written.
    package var name: String { VariableText.parts(reference).name }
}

/// How an image is written in its file, and so what is changed.
enum Spelling: Sendable {
    /// The whole reference in one value.
    case whole(Slot)
    /// Registry and repository apart (Helm); nil where the repository has the registry in it. Tag and digest stay.
    case parts(registry: Slot?, repository: Slot)
    /// An entry of Kustomize's `images`: the name that it matches stays, the new one is set.
    case kustomize(name: Slot, newName: Slot?, entryKeyStart: Int)
    /// A word of a Dockerfile; or a name in it, that tag or digest are put behind elsewhere.
    case word(Range<Int>, isName: Bool)
}

/// A scalar that can be changed.
struct Slot: Sendable {
    let scalar: SourceScalar
    /// The key whose value it is, where the value is an alias: then the alias is replaced, and not what it stands for.
    let aliasKey: SourceScalar?
    /// From the document's root.
    let path: [String]
}

/// A reference with variables of a shell's kind in it, as Compose files and Dockerfiles have.
struct VariableText {
    /// Without tag, digest and variables.
    let name: String
    /// Tag and digest as they are written.
    let suffix: String
    /// Variables replaced by their defaults; without what has none.
    let evaluated: String
    /// Whether a variable stands in the name.
    let isOpen: Bool
    /// What stands around the reference: `${IMAGE:-` and `}`.
    let frame: (before: String, after: String)

    init(_ text: String) {
        if let standard = Self.standard(text) {
            (name, suffix) = Self.parts(String(standard))
            evaluated = String(standard)
            isOpen = false
            frame = (String(text[..<standard.startIndex]), String(text[standard.endIndex...]))
            return
        }
        frame = ("", "")
        guard text.contains("$") else {
            (name, suffix) = Self.parts(text)
            evaluated = text
            isOpen = false
            return
        }
        // A variable's own ':-' is no tag.
        let variable = text.firstIndex(of: "$") ?? text.endIndex
        let fixed = text[..<variable]
        var cut = fixed.firstIndex(of: "@")
        if cut == nil, let colon = fixed.lastIndex(of: ":"), !fixed[colon...].contains("/") { cut = colon }
        guard let cut, !text[cut...].contains("$$") else {
            name = text
            suffix = ""
            evaluated = text
            isOpen = true
            return
        }
        name = String(text[..<cut])
        suffix = String(text[cut...])
        isOpen = suffix.contains("/")
        evaluated = name + (Self.evaluated(suffix) ?? "")
    }

    /// The default of a variable that is all there is: `nginx:1` in `${IMAGE:-nginx:1}`. Who sets the variable means it.
    private static func standard(_ text: String) -> Substring? {
        guard text.hasPrefix("${"), text.hasSuffix("}"), let dash = text.firstIndex(of: "-") else { return nil }
        var name = text[..<dash].dropFirst(2)
        if name.last == ":" { name = name.dropLast() }
        let standard = text[text.index(after: dash)...].dropLast()
        let isName = !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        guard isName, !standard.isEmpty, !standard.contains(where: { "${}\"' \\".contains($0) }) else { return nil }
        return standard
    }

    /// Name and suffix of a reference without variables.
    static func parts(_ text: String) -> (name: String, suffix: String) {
        var end = text.firstIndex(of: "@") ?? text.endIndex
        if let colon = text[..<end].lastIndex(of: ":"), !text[colon..<end].contains("/") { end = colon }
        return (String(text[..<end]), String(text[end...]))
    }

    /// `:${TAG:-1.2}` as `:1.2`; nil where a variable has no default.
    private static func evaluated(_ suffix: String) -> String? {
        var result = ""
        var rest = suffix[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            guard rest.first == "{", let close = rest.firstIndex(of: "}"),
                let dash = rest[..<close].firstIndex(of: "-")
            else { return nil }
            let value = rest[rest.index(after: dash)..<close]
            guard !value.contains("$") else { return nil }
            result += value
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }
}
