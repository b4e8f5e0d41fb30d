import ImageFiles
import ImageRewriting

/// What the tests rewrite with: every registry to `w:5000/REGISTRY/…`, tag and digest as they are.
func mirrored(_ image: String) -> String? {
    guard let rule = try? TemplateRule(match: .init(), replacement: Replacement("w:5000/{registry}/{repository}")),
        let rewriter = try? ImageRewriter([.template(rule, name: "all")])
    else { return nil }
    return rewriter.rewriting(of: image).image
}

/// The file after rewriting; the file itself where nothing changes.
func rewritten(
    _ text: String, name: String? = "x.yaml", kind: FileKind? = nil, paths: [String] = []
) throws -> String {
    let options = ImageFile.Options(kind: kind, customPaths: try paths.map { try CustomPath($0) })
    let file = try ImageFile(Array(text.utf8), fileName: name, options: options)
    guard let bytes = try file.replacing({ mirrored($0.reference) }) else { return text }
    return String(decoding: bytes, as: UTF8.self)
}

func images(_ text: String, name: String? = "x.yaml", kind: FileKind? = nil) throws -> [String] {
    try ImageFile(Array(text.utf8), fileName: name, options: .init(kind: kind)).images.map(\.reference)
}
