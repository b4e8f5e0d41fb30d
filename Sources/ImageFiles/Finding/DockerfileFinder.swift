internal import OCI

/// Finds the images of a Dockerfile: `FROM`, `COPY --from`, `RUN --mount=…,from=`, the frontend of `# syntax`, and
/// the default of an `ARG` that a `FROM` consists of. Stages and `scratch` are none.
struct DockerfileFinder {
    private var stages: Set<String> = ["scratch"]
    /// `ARG`s before the first `FROM`, the only ones that a `FROM` sees.
    private var defaults: [String: Dockerfile.Word] = [:]
    /// Variables that some `FROM` has as a part of a name: another default would be wrong there.
    private var parts: Set<String> = []

    mutating func find(_ file: Dockerfile, in collector: inout ImageCollector) throws(ImageFileError) {
        for instruction in file.instructions where instruction.name == "FROM" {
            if let image = Self.image(instruction) { parts.formUnion(DockerfileVariable.partsOfNames(in: image.text)) }
        }
        if let syntax = file.syntax { add(syntax, place: "syntax", in: &collector) }
        var stageCount = 0
        for instruction in file.instructions {
            try collector.visit()
            switch instruction.name {
            case "ARG" where stageCount == 0:
                for word in instruction.words { noteDefault(word) }
            case "FROM":
                let words = instruction.words.drop { $0.text.hasPrefix("--") }
                if let image = Self.image(instruction) {
                    from(image, place: "FROM, stage \(stageCount)", in: &collector)
                }
                stages.insert("\(stageCount)")
                stageCount += 1
                let rest = words.dropFirst().map(\.text)
                if rest.count >= 2, rest[0].uppercased() == "AS" { stages.insert(rest[1].lowercased()) }
            case "COPY", "ADD", "RUN": flags(of: instruction, in: &collector)
            case "ONBUILD":
                guard let name = instruction.words.first?.text.uppercased() else { continue }
                let inner = Dockerfile.Instruction(name: name, words: Array(instruction.words.dropFirst()))
                flags(of: inner, in: &collector)
            default: break
            }
        }
    }

    /// What follows the flags of a `FROM`, without its quotes.
    private static func image(_ instruction: Dockerfile.Instruction) -> Dockerfile.Word? {
        guard let word = instruction.words.first(where: { !$0.text.hasPrefix("--") }) else { return nil }
        let text = word.text
        guard text.count > 2, let quote = text.first, quote == "\"" || quote == "'", text.last == quote,
            !word.range.isEmpty
        else { return word }
        return Dockerfile.Word(
            text: String(text.dropFirst().dropLast()), range: word.range.lowerBound + 1..<word.range.upperBound - 1)
    }

    private mutating func noteDefault(_ word: Dockerfile.Word) {
        guard let equals = word.text.firstIndex(of: "="), !word.range.isEmpty else { return }
        let name = String(word.text[..<equals])
        var start = word.range.lowerBound + name.utf8.count + 1
        var end = word.range.upperBound
        var value = word.text[word.text.index(after: equals)...]
        if value.count >= 2, let quote = value.first, quote == "\"" || quote == "'", value.last == quote {
            value = value.dropFirst().dropLast()
            start += 1
            end -= 1
        }
        defaults[name] = Dockerfile.Word(text: String(value), range: start..<end)
    }

    private func flags(of instruction: Dockerfile.Instruction, in collector: inout ImageCollector) {
        for word in instruction.words.prefix(while: { $0.text.hasPrefix("--") }) {
            if word.text.hasPrefix("--from="), instruction.name == "COPY" {
                add(part(of: word, after: "--from=".utf8.count), place: "COPY --from", in: &collector)
            }
            guard word.text.hasPrefix("--mount="), instruction.name == "RUN" else { continue }
            var offset = "--mount=".utf8.count
            for option in word.text.dropFirst(offset).split(separator: ",", omittingEmptySubsequences: false) {
                if option.hasPrefix("from=") {
                    let word = part(of: word, after: offset + 5, length: option.utf8.count - 5)
                    add(word, place: "RUN --mount", in: &collector)
                }
                offset += option.utf8.count + 1
            }
        }
    }

    private func part(of word: Dockerfile.Word, after offset: Int, length: Int? = nil) -> Dockerfile.Word {
        let bytes = Array(word.text.utf8.dropFirst(offset))
        let length = length ?? bytes.count
        // A word that was put together from two lines has no place.
        let start = word.range.isEmpty ? word.range.lowerBound : word.range.lowerBound + offset
        return Dockerfile.Word(
            text: String(decoding: bytes[..<length], as: UTF8.self),
            range: start..<(word.range.isEmpty ? start : start + length))
    }

    /// `FROM ${BASE}` with `ARG BASE=nginx:1`, `FROM $BASE:$TAG` with `ARG BASE=nginx`: the default is what to change.
    private func from(_ word: Dockerfile.Word, place: String, in collector: inout ImageCollector) {
        guard let variable = DockerfileVariable(word.text), !parts.contains(variable.name),
            let standard = defaults[variable.name], !standard.text.isEmpty
        else { return add(word, place: place, in: &collector) }
        let place = "ARG \(variable.name)"
        if variable.suffix.isEmpty { return add(standard, place: place, in: &collector) }
        guard !standard.text.contains("$"), !standard.range.isEmpty,
            VariableText.parts(standard.text).suffix.isEmpty,
            // Each `FROM` has a tag of its own, and counts by itself.
            collector.isNew([
                Slot(
                    scalar: SourceScalar(text: word.text, start: word.range.lowerBound, style: .plain), aliasKey: nil,
                    path: ["\(word.range.lowerBound)"])
            ])
        else { return }
        collector.append(
            reference: VariableText(standard.text + expanded(variable.suffix)).evaluated, written: standard.text,
            at: standard.range.lowerBound, place: place, pullPolicy: nil, isOpen: false,
            .word(standard.range, isName: true))
    }

    private func add(_ word: Dockerfile.Word, place: String, in collector: inout ImageCollector) {
        guard !word.text.isEmpty, !stages.contains(word.text.lowercased()) else { return }
        let text = VariableText(word.text)
        var reference = text.evaluated
        if !text.isOpen, text.suffix.contains("$") {
            let expanded = VariableText(text.name + expanded(text.suffix))
            if !expanded.isOpen { reference = expanded.evaluated }
        }
        guard !text.isOpen || word.text.contains("$") else { return }
        let scalar = SourceScalar(text: word.text, start: word.range.lowerBound, style: .plain)
        guard collector.isNew([Slot(scalar: scalar, aliasKey: nil, path: ["\(word.range.lowerBound)"])]) else { return }
        collector.append(
            reference: reference, written: word.text, at: word.range.lowerBound, place: place, pullPolicy: nil,
            isOpen: text.isOpen || word.range.isEmpty, .word(word.range, isName: false))
    }

    private func expanded(_ suffix: String) -> String {
        var result = ""
        var rest = suffix[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            var end = rest.index(after: rest.startIndex)
            if end < rest.endIndex, rest[end] == "{" {
                end = rest.firstIndex(of: "}").map { rest.index(after: $0) } ?? rest.endIndex
            } else {
                end = rest[end...].firstIndex { !($0.isLetter || $0.isNumber || $0 == "_") } ?? rest.endIndex
            }
            let text = String(rest[..<end])
            let standard = DockerfileVariable(text).flatMap { $0.suffix.isEmpty ? defaults[$0.name]?.text : nil }
            result += standard.flatMap { $0.contains("$") ? nil : $0 } ?? text
            rest = rest[end...]
        }
        return result + rest
    }
}
