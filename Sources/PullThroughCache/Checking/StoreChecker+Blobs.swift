internal import BlobStore
internal import MetadataStore
internal import OCI
internal import Timekeeping

extension StoreChecker {
    /// Reads every blob. Those that turn out altered are removed, with their rows, where repairs are wanted.
    func checkBlobs(_ run: inout CheckRun, _ progress: @Sendable (CheckProgress) -> Void) async throws {
        let listed = try await blobs.blobs()
        progress(CheckProgress(phase: .blobs, completed: 0, total: listed.count))
        var completed = 0
        try await withThrowingTaskGroup(of: (Digest, BlobCondition).self) { group in
            var waiting = listed.makeIterator()
            func start(_ blob: StoredBlob) {
                group.addTask { [blobs] in (blob.digest, try await blobs.verify(blob.digest)) }
            }
            for _ in 0..<readerCount {
                if let blob = waiting.next() { start(blob) }
            }
            while let (digest, condition) = try await group.next() {
                try Task.checkCancellation()
                if let blob = waiting.next() { start(blob) }
                try await settle(digest, condition, &run)
                completed += 1
                progress(CheckProgress(phase: .blobs, completed: completed, total: listed.count))
            }
        }
    }

    private func settle(_ digest: Digest, _ condition: BlobCondition, _ run: inout CheckRun) async throws {
        switch condition {
        case .sound(let size):
            run.sound[digest] = size
            run.report.addBlob(bytes: size)
        case .altered(let actual):
            try await run.find(.alteredBlob(digest, actual: actual)) {
                try await blobs.remove(digest)
                try await metadata.forget(blob: digest)
            }
        // It went between listing and reading; its row is looked at later.
        case .missing: break
        }
    }

    /// Compares the catalogue's rows of blobs with the blobs.
    func checkRows(_ run: inout CheckRun, _ progress: @Sendable (CheckProgress) -> Void) async throws {
        var unlisted = run.sound
        var last: Digest?
        var completed = 0
        while true {
            try Task.checkCancellation()
            let rows = try await metadata.blobs(after: last, limit: Self.pageLength)
            for row in rows {
                unlisted[row.digest] = nil
                try await check(row, &run)
            }
            completed += rows.count
            progress(CheckProgress(phase: .rows, completed: completed, total: nil))
            if rows.count < Self.pageLength { break }
            last = rows.last?.digest
        }
        for (digest, size) in unlisted {
            try await run.find(.fileWithoutRow(digest, size: size)) {
                let now = clock.now()
                try await metadata.put(BlobRecord(digest: digest, size: size, storedAt: now, usedAt: now))
            }
        }
    }

    private func check(_ row: BlobRecord, _ run: inout CheckRun) async throws {
        if let size = run.sound[row.digest] {
            guard size != row.size else { return }
            try await run.find(.wrongSize(row.digest, recorded: row.size, actual: size)) {
                var row = row
                row.size = size
                try await metadata.put(row)
            }
            return
        }
        switch try await blobs.verify(row.digest) {
        // It came after the listing.
        case .sound(let size): run.sound[row.digest] = size
        // Told already.
        case .altered: break
        case .missing:
            try await run.find(.rowWithoutFile(row.digest)) { try await metadata.forget(blob: row.digest) }
        }
    }
}
