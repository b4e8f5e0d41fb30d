/// Finds the images of a Compose file: `image` of each service (compose-spec, `05-services.md`). A service with
/// `build` names with `image` what the build makes, which is pulled from nowhere.
struct ComposeFinder {
    func find(_ document: SourceNode, in collector: inout ImageCollector) throws(ImageFileError) {
        for entry in document["services"]?.entries ?? [] {
            let path = ["services", entry.key.text]
            guard try !hasBuild(entry.value, at: path, in: &collector) else { continue }
            try collector.addWhole(
                "image", of: entry.value, at: path, place: "service \(entry.key.text)",
                pullPolicy: entry.value.text("pull_policy"))
        }
    }

    private func hasBuild(
        _ service: SourceNode, at path: [String], in collector: inout ImageCollector
    ) throws(ImageFileError) -> Bool {
        try collector.visit()
        if service["build"] != nil { return true }
        for (merged, path) in ImageCollector.merged(service, at: path) where path.count < 64 {
            if try hasBuild(merged, at: path, in: &collector) { return true }
        }
        return false
    }
}
