/// The words of a Dockerfile's instructions, with their places (docs.docker.com, "Dockerfile reference").
struct Dockerfile {
    struct Word {
        let text: String
        let range: Range<Int>
    }

    struct Instruction {
        /// In capitals.
        let name: String
        let words: [Word]
    }

    /// `# syntax=…` in the first lines; BuildKit pulls it.
    private(set) var syntax: Word?
    private(set) var instructions: [Instruction] = []

    private let source: SourceText
    private var position: Int
    private var escape = UInt8(ascii: "\\")

    init(_ source: SourceText) {
        self.source = source
        position = source.textStart
        readDirectives()
        while position < source.bytes.count { readInstruction() }
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: source.bytes[range], as: UTF8.self) }

    private func isBlank(_ index: Int) -> Bool {
        source.bytes[index] == UInt8(ascii: " ") || source.bytes[index] == UInt8(ascii: "\t")
    }

    private func lineEnd(_ start: Int) -> Int {
        source.bytes[start...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? source.bytes.count
    }

    private mutating func endLine() {
        position = lineEnd(position)
        if position < source.bytes.count {
            position += source.bytes[position] == 0x0D && source.hasPrefix([0x0A], at: position + 1) ? 2 : 1
        }
    }

    private mutating func skipBlanks(to end: Int) {
        while position < end, isBlank(position) { position += 1 }
    }

    // MARK: Directives

    private mutating func readDirectives() {
        while position < source.bytes.count {
            let start = position
            let end = lineEnd(position)
            skipBlanks(to: end)
            guard source.hasPrefix("#".utf8, at: position) else {
                position = start
                return
            }
            let line = text(position + 1..<end)
            guard let equals = line.firstIndex(of: "=") else {
                position = start
                return
            }
            let name = line[..<equals].filter { $0 != " " && $0 != "\t" }.lowercased()
            var valueStart = position + 1 + line[...equals].utf8.count
            var valueEnd = end
            while valueStart < valueEnd, isBlank(valueStart) { valueStart += 1 }
            while valueEnd > valueStart, isBlank(valueEnd - 1) { valueEnd -= 1 }
            let value = Word(text: text(valueStart..<valueEnd), range: valueStart..<valueEnd)
            switch name {
            case "syntax": syntax = value
            case "escape": if value.text == "`" { escape = UInt8(ascii: "`") }
            case "check": break
            default:
                position = start
                return
            }
            endLine()
        }
    }

    // MARK: Instructions

    private mutating func readInstruction() {
        let end = lineEnd(position)
        skipBlanks(to: end)
        guard position < end, source.bytes[position] != UInt8(ascii: "#") else { return endLine() }
        var words = readWords()
        guard !words.isEmpty else { return }
        let name = words.removeFirst().text.uppercased()
        instructions.append(Instruction(name: name, words: words))
        guard ["RUN", "COPY", "ADD"].contains(name) else { return }
        for word in words { skipHeredoc(begunBy: word.text) }
    }

    /// The words of a logical line: an escape at the end of a line joins the next one, comments between left out.
    private mutating func readWords() -> [Word] {
        var words: [Word] = []
        var isJoined = false
        while position < source.bytes.count {
            let end = lineEnd(position)
            var content = end
            while content > position, isBlank(content - 1) { content -= 1 }
            let isContinued = content > position && source.bytes[content - 1] == escape
            if isContinued { content -= 1 }
            var isFirst = true
            while position < content {
                let blanks = position
                skipBlanks(to: content)
                guard position < content else { break }
                let start = position
                while position < content, !isBlank(position) { position += 1 }
                // Half a word on each of two lines is no place that could be changed.
                if isFirst, isJoined, blanks == start, let last = words.popLast() {
                    words.append(Word(text: last.text + text(start..<position), range: start..<start))
                } else {
                    words.append(Word(text: text(start..<position), range: start..<position))
                }
                isFirst = false
            }
            isJoined = isContinued && content > 0 && !isBlank(content - 1)
            position = end
            endLine()
            guard isContinued else { break }
            skipComments()
        }
        return words
    }

    /// Within a continued instruction comments and empty lines do not end it.
    private mutating func skipComments() {
        while position < source.bytes.count {
            let start = position
            let end = lineEnd(position)
            skipBlanks(to: end)
            guard position == end || source.bytes[position] == UInt8(ascii: "#") else {
                position = start
                return
            }
            endLine()
        }
    }

    /// `<<EOF`, `<<-"EOF"`: the lines up to the one word are no instructions.
    private mutating func skipHeredoc(begunBy word: String) {
        guard let mark = word.firstRange(of: "<<") else { return }
        var name = word[mark.upperBound...]
        let isIndented = name.hasPrefix("-")
        if isIndented { name = name.dropFirst() }
        name = name.drop { $0 == "\"" || $0 == "'" }
        name = name.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard let first = name.first, !first.isNumber else { return }
        while position < source.bytes.count {
            var line = Substring(text(position..<lineEnd(position)))
            if isIndented { line = line.drop { $0 == "\t" } }
            endLine()
            if line == name { return }
        }
    }
}
