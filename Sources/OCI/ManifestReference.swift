/// What a manifest is asked for by, within its repository.
package enum ManifestReference: Sendable, Hashable, CustomStringConvertible {
    case tag(Tag)
    case digest(Digest)

    /// Parses the last part of `/v2/NAME/manifests/REFERENCE`; a colon makes it a digest, since no tag has one.
    package init(_ text: some StringProtocol) throws(ReferenceError) { try self.init(parsing: String(text)) }

    /// Not generic, and over contiguous bytes: a reference is parsed with nearly every request.
    private init(parsing text: String) throws(ReferenceError) {
        var text = text
        if text.withUTF8({ $0.contains(UInt8(ascii: ":")) }) {
            do { self = .digest(try Digest(text)) } catch { throw .digest(error) }
        } else {
            do { self = .tag(try Tag(text)) } catch { throw .tag(error) }
        }
    }

    package var description: String {
        switch self {
        case .tag(let tag): tag.description
        case .digest(let digest): digest.description
        }
    }
}
