internal import OCI
internal import PullThroughCache
internal import Rules

/// What `weir fsck` found, as it prints it.
struct CheckDocument: Encodable {
    struct Finding: Encodable {
        var kind: String
        var detail: String
    }

    struct Rebuilt: Encodable {
        var blobs: Int
        var manifests: Int
        var tags: Int
        var lostManifests: Int
    }

    var blobs: Int
    var bytes: Int64
    var manifests: Int
    var tags: Int
    /// The first thousand.
    var findings: [Finding]
    var findingCount: Int
    var repairedCount: Int
    var repairFailure: String?
    var needsAttention: Bool
    var rebuilt: Rebuilt?

    init(_ report: CheckReport, rebuilt: RebuildReport?) {
        blobs = report.blobCount
        bytes = report.byteCount
        manifests = report.manifestCount
        tags = report.tagCount
        findings = report.findings.map { Finding(kind: $0.kind.rawValue, detail: Self.detail($0)) }
        findingCount = report.findingCount
        repairedCount = report.repairedCount
        repairFailure = report.repairFailure
        needsAttention = report.needsAttention
        self.rebuilt = rebuilt.map {
            Rebuilt(blobs: $0.blobs, manifests: $0.manifests, tags: $0.tags, lostManifests: $0.lostManifests)
        }
    }

    var text: String {
        var text = ""
        if let rebuilt {
            text +=
                "rebuilt the catalogue: \(rebuilt.blobs) blobs, \(rebuilt.manifests) manifests, \(rebuilt.tags) tags"
            text +=
                rebuilt.lostManifests == 0 ? "\n" : "; \(rebuilt.lostManifests) manifests are lost, and fetched anew\n"
        }
        text += "checked \(blobs) blobs (\(SizeText.rounded(bytes))), \(manifests) manifests, \(tags) tags\n"
        if findings.isEmpty { return text + "everything is sound\n" }
        for finding in findings { text += "\(finding.kind): \(printable(finding.detail))\n" }
        if findingCount > findings.count { text += "and \(findingCount - findings.count) more\n" }
        text += "\(counted(findingCount, "problem")), \(repairedCount) put right\n"
        if let repairFailure { text += "not put right: \(printable(repairFailure))\n" }
        return text
    }

    private static func detail(_ finding: CheckFinding) -> String {
        switch finding {
        case .catalogueDamaged(let problem): problem
        case .alteredBlob(let digest, let actual): "\(digest) has the content of \(actual)"
        case .rowWithoutFile(let digest): "\(digest)"
        case .fileWithoutRow(let digest, let size): "\(digest), \(SizeText.rounded(size))"
        case .wrongSize(let digest, let recorded, let actual): "\(digest) has \(actual) bytes, recorded are \(recorded)"
        case .manifestWithoutBytes(let repository, let digest), .manifestMissingInCatalogue(let repository, let digest),
            .manifestMissingInJournal(let repository, let digest), .unreadableManifest(let repository, let digest):
            "\(repository)@\(digest)"
        case .tagMissingInCatalogue(let repository, let tag), .tagMissingInJournal(let repository, let tag):
            "\(repository):\(tag)"
        }
    }
}
