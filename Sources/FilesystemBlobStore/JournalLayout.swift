internal import OCI
internal import Rules
internal import Timekeeping

/// Where the journal's entries are, and how they read. A rule is one folder, percent-encoded; a repository's name is
/// its path below that; no part of a name begins with an underscore, so what is Weir's own does.
struct JournalLayout: Sendable {
    static let manifests = "_manifests"
    static let tags = "_tags"
    /// No entry is longer, in bytes.
    static let entryLimitBytes = 1024

    /// `repositories/` of the store.
    let root: String

    func folder(of repository: RepositoryKey) -> String {
        "\(root)/\(Self.encode(repository.rule))/\(repository.name)"
    }

    func file(of digest: Digest, in repository: RepositoryKey) -> String {
        "\(folder(of: repository))/\(Self.manifests)/\(digest.algorithm.rawValue)/\(digest.hex)"
    }

    func file(of tag: Tag, in repository: RepositoryKey) -> String {
        "\(folder(of: repository))/\(Self.tags)/\(tag)"
    }

    // MARK: Rules as names of folders

    static func encode(_ rule: RuleName) -> String {
        var text = ""
        for byte in rule.description.utf8 {
            switch byte {
            case UInt8(ascii: "/"): text += "%2F"
            case UInt8(ascii: ":"): text += "%3A"
            default: text.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return text
    }

    /// Nil for a folder that no rule would be given.
    static func rule(named folder: String) -> RuleName? {
        var text = ""
        var rest = folder[...]
        while let character = rest.popFirst() {
            guard character == "%" else {
                text.append(character)
                continue
            }
            switch rest.prefix(2) {
            case "2F": text.append("/")
            case "3A": text.append(":")
            default: return nil
            }
            rest = rest.dropFirst(2)
        }
        guard let rule = try? RuleName(text), encode(rule) == folder else { return nil }
        return rule
    }

    // MARK: Entries

    /// Two lines: the first names something, the second a moment in milliseconds. The last line's end shows that the
    /// entry is whole.
    static func entry(_ value: some CustomStringConvertible, _ moment: Timestamp) -> String {
        "\(value)\n\(moment.milliseconds)\n"
    }

    static func parse(_ bytes: [UInt8]) -> (value: Substring, moment: Timestamp)? {
        guard bytes.count <= entryLimitBytes, bytes.last == UInt8(ascii: "\n") else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 3, let milliseconds = Int64(lines[1]) else { return nil }
        return (lines[0], Timestamp(milliseconds: milliseconds))
    }
}
