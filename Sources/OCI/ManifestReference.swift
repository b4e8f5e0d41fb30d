/// What a manifest is asked for by, within its repository.
package enum ManifestReference: Sendable, Hashable, CustomStringConvertible {
    case tag(Tag)
    case digest(Digest)

    /// Parses the last part of `/v2/NAME/manifests/REFERENCE`; a colon makes it a digest, since no tag has one.
    package init(_ text: some StringProtocol) throws(ReferenceError) {
        if text.utf8.contains(UInt8(ascii: ":")) {
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
