internal import JSON

/// The annotation that keeps what was written before images were rewritten:
/// `weir/original-images: {"containers/web":"nginx:1.27"}`.
///
/// A record for people and tools: nothing is decided by it, since anybody may write it.
enum OriginalImages {
    static let name = "weir/original-images"
    /// Kubernetes allows 256 KiB for all annotations of an object.
    static let limitBytes = 64 << 10

    /// The annotation after `changes`; nil where it stays as it is.
    /// - Parameters:
    ///   - old: as the object has it: of any content.
    ///   - pod: entries of what it does not have any longer go.
    ///   - changes: what was written, by ``PodImage/key``.
    static func updated(_ old: String?, for pod: Pod, changes: [String: String]) -> String? {
        guard !changes.isEmpty else { return nil }
        let entries = parsed(old)
        let present = Set(pod.images.map(\.key))
        var kept = entries.filter { present.contains($0.key) && $0.value.utf8.count <= 1024 }
        kept.merge(changes) { _, new in new }
        if kept == entries { return nil }
        let all = encoded(kept)
        if all.utf8.count <= limitBytes { return all == old ? nil : all }
        // What others wrote goes before what has to be written; and a record that cannot be whole is none.
        let own = encoded(changes)
        return own.utf8.count <= limitBytes && own != old ? own : nil
    }

    private static func parsed(_ text: String?) -> [String: String] {
        guard let text, text.utf8.count <= limitBytes,
            let document = try? JSONDocument(Array(text.utf8), limits: .init(bytes: limitBytes, depth: 4))
        else { return [:] }
        return document.root.strings
    }

    private static func encoded(_ entries: [String: String]) -> String {
        var writer = JSONWriter()
        writer.object { object in
            for (key, image) in entries.sorted(by: { $0.key < $1.key }) {
                object.name(key)
                object.string(image)
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
