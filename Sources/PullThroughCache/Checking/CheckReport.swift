package import OCI
package import Rules

/// Something that a check found to be other than it should.
package enum CheckFinding: Sendable, Hashable {
    /// The database's own structure, in words.
    case catalogueDamaged(String)
    /// A blob's bytes are not what its digest says.
    case alteredBlob(Digest, actual: Digest)
    /// The catalogue counts a blob as stored whose bytes are not there.
    case rowWithoutFile(Digest)
    /// A sound blob of which the catalogue knows nothing.
    case fileWithoutRow(Digest, size: Int64)
    /// In bytes.
    case wrongSize(Digest, recorded: Int64, actual: Int64)
    /// A repository's manifest whose bytes are not there, or not sound.
    case manifestWithoutBytes(RepositoryKey, Digest)
    /// A manifest of the journal that the catalogue does not have.
    case manifestMissingInCatalogue(RepositoryKey, Digest)
    case manifestMissingInJournal(RepositoryKey, Digest)
    /// A tag of the journal that the catalogue does not have.
    case tagMissingInCatalogue(RepositoryKey, Tag)
    /// A tag of a stored manifest that the journal does not have, or has otherwise.
    case tagMissingInJournal(RepositoryKey, Tag)
    /// Bytes that the journal calls a manifest, and that are none.
    case unreadableManifest(RepositoryKey, Digest)

    /// What a finding is about, for counting.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case catalogueDamaged = "catalogue damaged"
        case alteredBlob = "altered blob"
        case rowWithoutFile = "missing blob"
        case fileWithoutRow = "blob unknown to the catalogue"
        case wrongSize = "wrong size"
        case manifestWithoutBytes = "manifest without bytes"
        case manifestMissingInCatalogue = "manifest missing in the catalogue"
        case manifestMissingInJournal = "manifest missing in the journal"
        case tagMissingInCatalogue = "tag missing in the catalogue"
        case tagMissingInJournal = "tag missing in the journal"
        case unreadableManifest = "unreadable manifest"
    }

    package var kind: Kind {
        switch self {
        case .catalogueDamaged: .catalogueDamaged
        case .alteredBlob: .alteredBlob
        case .rowWithoutFile: .rowWithoutFile
        case .fileWithoutRow: .fileWithoutRow
        case .wrongSize: .wrongSize
        case .manifestWithoutBytes: .manifestWithoutBytes
        case .manifestMissingInCatalogue: .manifestMissingInCatalogue
        case .manifestMissingInJournal: .manifestMissingInJournal
        case .tagMissingInCatalogue: .tagMissingInCatalogue
        case .tagMissingInJournal: .tagMissingInJournal
        case .unreadableManifest: .unreadableManifest
        }
    }
}

/// What a check saw. All findings are counted; only so many are listed.
package struct CheckReport: Sendable, Hashable {
    /// Findings that are listed at most, the first ones.
    package static let findingLimit = 1000

    /// Blobs read whole, and their bytes.
    package private(set) var blobCount = 0
    package private(set) var byteCount: Int64 = 0
    package private(set) var manifestCount = 0
    package private(set) var tagCount = 0
    package private(set) var findings: [CheckFinding] = []
    package private(set) var counts: [CheckFinding.Kind: Int] = [:]
    /// Findings that were put right.
    package private(set) var repairedCount = 0
    /// Why a finding could not be put right, for the first that could not.
    package private(set) var repairFailure: String?

    package init() {}

    package var findingCount: Int { counts.values.reduce(0, +) }
    /// Nothing was found.
    package var isSound: Bool { counts.isEmpty }
    /// Something was found and not put right.
    package var needsAttention: Bool { repairedCount < findingCount }

    mutating func add(_ finding: CheckFinding) {
        counts[finding.kind, default: 0] += 1
        if findings.count < Self.findingLimit { findings.append(finding) }
    }

    mutating func addRepair() { repairedCount += 1 }

    mutating func addFailedRepair(_ reason: String) { repairFailure = repairFailure ?? reason }

    mutating func addBlob(bytes: Int64) {
        blobCount += 1
        byteCount += bytes
    }

    mutating func addManifest() { manifestCount += 1 }
    mutating func addTag() { tagCount += 1 }
}

/// How far a check or a rebuild has come.
package struct CheckProgress: Sendable, Hashable {
    package enum Phase: String, Sendable, Hashable { case catalogue, blobs, rows, repositories, journal }

    package var phase: Phase
    /// Things of this phase that are done with.
    package var completed: Int
    /// Nil where it is not known beforehand.
    package var total: Int?

    package init(phase: Phase, completed: Int, total: Int?) {
        self.phase = phase
        self.completed = completed
        self.total = total
    }
}
