internal import ControlServer
internal import ImageFiles
internal import OCI
internal import Rules

/// Every image that files use: where, and what is to be said of it.
struct ImageReport {
    struct Document: Encodable {
        let images: [Image]
    }

    struct Image: Encodable {
        enum Cached: String, Encodable { case yes, partly, no }

        var image: String
        /// Nil where a variable leaves it open, or the text is no reference.
        var registry: String?
        /// Whether a digest says which image is meant.
        var isPinned: Bool
        /// Nil where no service was asked, or none of its rules has the registry.
        var cached: Cached?
        var uses: [Use]
        var advice: [String]
    }

    struct Use: Encodable {
        var path: String
        var line: Int
        var place: String
        var pullPolicy: String?
    }

    private var order: [String] = []
    private var images: [String: Image] = [:]

    mutating func add(_ file: ImageFile, path: String) {
        for found in file.images {
            let use = Use(path: path, line: found.line, place: found.place, pullPolicy: found.pullPolicy)
            if images[found.reference] == nil {
                order.append(found.reference)
                images[found.reference] = Self.image(found)
            }
            images[found.reference]?.uses.append(use)
            if let advice = Self.advice(on: found.pullPolicy, of: found.reference),
                images[found.reference]?.advice.contains(advice) == false
            {
                images[found.reference]?.advice.append(advice)
            }
        }
    }

    private static func image(_ found: FoundImage) -> Image {
        guard !found.isOpen, let reference = try? ImageReference(found.reference) else {
            let advice = found.isOpen ? "a variable says which image this is" : "this is no reference"
            return Image(
                image: found.isOpen ? found.written : found.reference, isPinned: false, uses: [], advice: [advice])
        }
        return Image(
            image: found.reference, registry: reference.registry.description, isPinned: reference.digest != nil,
            uses: [], advice: advice(on: reference))
    }

    /// What is to be mended of the reference alone.
    static func advice(on reference: ImageReference) -> [String] {
        guard reference.digest == nil else { return [] }
        return switch TagClass(reference.tag ?? .latest) {
        case .moving: ["the tag moves; pin a version or a digest"]
        case .minor: ["the tag moves within its version; pin a digest"]
        case .exact: ["no digest; a tag can be moved"]
        }
    }

    /// With a digest every pull gives the same bytes, so that `Always` asks the registry at each start for nothing.
    private static func advice(on pullPolicy: String?, of text: String) -> String? {
        guard pullPolicy?.lowercased() == "always", let reference = try? ImageReference(text) else { return nil }
        if reference.digest != nil { return "'Always' asks the registry for nothing; 'IfNotPresent' does" }
        guard let tag = reference.tag, TagClass(tag) == .exact else { return nil }
        return "'Always' asks the registry at each start for a tag that does not move; 'IfNotPresent' does"
    }

    var references: [String] { order.filter { images[$0]?.registry != nil } }

    mutating func note(_ reference: String, _ answer: ExplanationDocument) {
        images[reference]?.cached =
            !answer.isManifestStored ? .no : answer.storedBlobCount < answer.blobCount ? .partly : .yes
    }

    var document: Document { Document(images: order.compactMap { images[$0] }) }
}
