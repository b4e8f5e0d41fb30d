internal import ImageFiles
internal import ImageRewriting

/// What 'weir rewrite' does with one file.
struct FileRewriting: Sendable {
    enum Mode: Sendable { case print, inPlace, diff, check }

    enum Direction: Sendable {
        case forward
        /// Back to what was rewritten. Short names leave out what Docker Hub's images need not say.
        case backward(shortNames: Bool)
    }

    struct Outcome: Sendable {
        /// For standard output.
        var output = ""
        var isChanged = false
        /// Why the file was not read or written; nothing of it is changed then.
        var problem: String?
    }

    let mode: Mode
    let direction: Direction
    /// Of objects that name none.
    let namespace: String?
    let rewriter: ImageRewriter
    /// Images that stay in manifests, since a Kustomization finds them there by these names.
    let keptNames: Set<String>

    func outcome(of file: ImagePaths.File, _ reader: ImageFileReader) -> Outcome {
        do throws(CommandFailure) {
            guard let (bytes, parsed) = try reader.read(file) else { return Outcome() }
            var outcome: Outcome
            do throws(ImageFileError) {
                outcome = try self.outcome(of: parsed, bytes, path: file.path)
            } catch {
                return Outcome(problem: "\(file.path): \(error)")
            }
            if mode == .inPlace, outcome.isChanged {
                try replaceFile(file.path, by: Array(outcome.output.utf8))
                outcome.output = "\(file.path)\n"
            } else if mode == .inPlace {
                outcome.output = ""
            }
            return outcome
        } catch {
            return Outcome(problem: error.message)
        }
    }

    /// - Returns: with the whole file as output where it is to be printed or written.
    func outcome(of file: ImageFile, _ bytes: [UInt8], path: String) throws(ImageFileError) -> Outcome {
        var changes = ""
        let result = try file.replacing { image in
            guard let new = replacement(for: image), new != image.reference else { return nil }
            if mode == .check { changes += "\(path):\(image.line): \(printable(image.reference)) -> \(new)\n" }
            return new
        }
        let output =
            switch mode {
            case .check: changes
            case .diff: result.map { UnifiedDiff(bytes, $0, path: String(path.drop { $0 == "/" })).text } ?? ""
            // Both are UTF-8, or the file would have been refused.
            case .print, .inPlace: String(decoding: result ?? bytes, as: UTF8.self)
            }
        return Outcome(output: output, isChanged: result != nil)
    }

    private func replacement(for image: FoundImage) -> String? {
        var context = image.context
        context.namespace = context.namespace ?? namespace
        guard case .backward(let shortNames) = direction else {
            if !image.isKustomizeEntry, keptNames.contains(image.name) { return nil }
            return rewriter.rewriting(of: image.reference, in: context).image
        }
        guard let original = rewriter.original(of: image.reference, in: context) else { return nil }
        let hub = "docker.io/"
        guard shortNames, !image.hasRegistryApart, original.hasPrefix(hub) else { return original }
        let short = original.dropFirst(hub.count)
        return String(short.hasPrefix("library/") ? short.dropFirst("library/".count) : short)
    }
}
