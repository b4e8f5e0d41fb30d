package import BlobStore
package import MetadataStore
internal import OCI
internal import Rules
package import Timekeeping

/// Compares what the store holds, what the catalogue says of it, and what the journal remembers: `weir fsck`.
///
/// Meant for a store that nobody else uses meanwhile. Beside a running cache it does no harm, but what comes and goes
/// may be reported.
package struct StoreChecker: Sendable {
    /// Rows that are read at a time.
    static let pageLength = 1000

    let blobs: any BlobStore
    let journal: any RepositoryJournal
    let metadata: any MetadataStore
    let clock: any WallClock
    /// Blobs that are read at one time.
    let readerCount: Int

    package init(
        blobs: any BlobStore, journal: any RepositoryJournal, metadata: any MetadataStore, clock: any WallClock,
        readerCount: Int = 2
    ) {
        self.blobs = blobs
        self.journal = journal
        self.metadata = metadata
        self.clock = clock
        self.readerCount = max(readerCount, 1)
    }

    /// Reads every blob whole and compares everything with everything.
    ///
    /// - Parameter repairs: whether what is found is put right at once. Altered files are removed with their rows;
    ///   sound files get rows, and the next collection decides whether anything needs them; manifests whose bytes are
    ///   gone are forgotten, to be fetched anew; catalogue and journal are given what the other one has. A damaged
    ///   database is not repaired: it is rebuilt.
    /// - Throws: what store, journal and catalogue throw, and `CancellationError`. A repair that fails is told in the
    ///   report, and the check goes on.
    package func check(
        repairs: Bool, progress: @Sendable (CheckProgress) -> Void = { _ in }
    ) async throws -> CheckReport {
        var run = CheckRun(repairs: repairs)
        progress(CheckProgress(phase: .catalogue, completed: 0, total: nil))
        do {
            for problem in try await metadata.integrityProblems() { run.report.add(.catalogueDamaged(problem)) }
        } catch .corrupt {
            run.report.add(.catalogueDamaged(MetadataStoreError.corrupt.description))
        }
        try await checkBlobs(&run, progress)
        do {
            try await checkRows(&run, progress)
            try await checkRepositories(&run, progress)
        } catch MetadataStoreError.corrupt {
            // The blobs were checked all the same, and the rest waits for a rebuild.
            run.report.add(.catalogueDamaged(MetadataStoreError.corrupt.description))
        }
        return run.report
    }
}

/// What a check knows so far.
struct CheckRun {
    let repairs: Bool
    var report = CheckReport()
    /// The blobs that are there and sound, with their bytes.
    var sound: [Digest: Int64] = [:]

    init(repairs: Bool) { self.repairs = repairs }

    /// Adds a finding, and puts it right if that is wanted.
    mutating func find(_ finding: CheckFinding, repair: () async throws -> Void) async throws {
        report.add(finding)
        guard repairs else { return }
        try Task.checkCancellation()
        do {
            try await repair()
            report.addRepair()
        } catch {
            report.addFailedRepair("\(error)")
        }
    }
}
