import MetadataStore
import OCI
import Rules
import Timekeeping

extension MetadataStoreConformance {
    static let tags: [MetadataStoreCheck] = [
        MetadataStoreCheck("a tag is read as it was written, in its repository alone") { store in
            let repository = try Samples.repository("a")
            let record = TagRecord(
                repository: repository, tag: try Tag("v1"), digest: Samples.digest(1, .sha512),
                mediaType: MediaType("application/x.unheard-of+json"), size: 77,
                checkedAt: Timestamp(milliseconds: 12_345_678_901))
            try expect(try await store.tag(record.tag, in: repository), is: nil, "a tag that was never written")
            try await store.put(record)
            try expect(try await store.tag(record.tag, in: repository), is: record, "the tag")
            try expect(try await store.tag(try Tag("V1"), in: repository), is: nil, "a tag in other letters")
            for other in [try Samples.repository("a", rule: "hub2"), try Samples.repository("a/b")] {
                try expect(try await store.tag(record.tag, in: other), is: nil, "the tag in \(other)")
            }
        },
        MetadataStoreCheck("a tag that moves is replaced whole") { store in
            let repository = try Samples.repository("a")
            var record = TagRecord(
                repository: repository, tag: .latest, digest: Samples.digest(1), mediaType: .ociIndex, size: 5,
                checkedAt: Samples.moment(1))
            try await store.put(record)
            record.digest = Samples.digest(2)
            record.mediaType = nil
            record.size = nil
            record.checkedAt = Samples.moment(0)
            try await store.put(record)
            try expect(try await store.tag(.latest, in: repository), is: record, "the tag")
            try expect(try await store.statistics().tags, is: 1, "the number of tags")
        },
        MetadataStoreCheck("a tag and its manifest are read in one go as they are read one by one") { store in
            let repository = try Samples.repository("a")
            let image = try SampleManifest.image(1, config: 10, layers: [11])
            let index = try SampleManifest.index(2, of: [Samples.digest(3)])
            try await store.put(image, in: repository, at: 5)
            try await store.put(index, in: repository, at: 6)
            // Stored; an index's child, of which no more is known; and one that nothing but its tag names.
            for (tag, digest) in [("stored", image.digest), ("child", Samples.digest(3)), ("named", Samples.digest(4))]
            {
                try await store.putTag(tag, of: digest, in: repository, at: 7)
                let parsed = try Tag(tag)
                let found = try await store.taggedManifest(parsed, in: repository)
                try expect(found?.tag, is: try await store.tag(parsed, in: repository), "the tag '\(tag)'")
                try expect(found?.tag.digest, is: digest, "what '\(tag)' names")
                try expect(
                    found?.manifest, is: try await store.manifest(digest, in: repository), "the manifest of '\(tag)'")
            }
            try expect(
                try await store.taggedManifest(Tag("stored"), in: repository)?.manifest,
                is: image.record(in: repository, fetchedAt: Samples.moment(5)), "the stored manifest")
        },
        MetadataStoreCheck("a tag and its manifest are those of one repository") { store in
            let (repository, other) = (try Samples.repository("a"), try Samples.repository("b"))
            let image = try SampleManifest.image(1, config: 10, layers: [11])
            try await store.put(image, in: repository)
            try await store.putTag("t", of: image.digest, in: repository)
            try expect(
                try await store.taggedManifest(Tag("u"), in: repository), is: nil, "a tag that was never written")
            try expect(try await store.taggedManifest(Tag("t"), in: other), is: nil, "the tag in another repository")
            // What is stored elsewhere says nothing of what this repository holds.
            try await store.putTag("t", of: image.digest, in: other)
            let found = try await store.taggedManifest(Tag("t"), in: other)
            try expect(found?.tag.digest, is: image.digest, "what the other's tag names")
            try expect(
                found?.manifest, is: try await store.manifest(image.digest, in: other), "the other's manifest")
            try expect(found?.manifest?.fetchedAt, is: nil, "when the other fetched it")
        },
        MetadataStoreCheck("a tag that moved is read with the manifest that it names now") { store in
            let repository = try Samples.repository("a")
            let (older, newer) = (
                try SampleManifest.image(1, config: 10, layers: []), try SampleManifest.image(2, config: 10, layers: [])
            )
            for (second, image) in [older, newer].enumerated() {
                try await store.put(image, in: repository, at: second)
                try await store.putTag("t", of: image.digest, in: repository, at: second)
            }
            let found = try await store.taggedManifest(Tag("t"), in: repository)
            try expect(found?.tag.digest, is: newer.digest, "what the tag names")
            try expect(found?.manifest?.digest, is: newer.digest, "the manifest")
            try await store.removeManifest(newer.digest, in: repository)
            try expect(
                try await store.taggedManifest(Tag("t"), in: repository), is: nil, "the tag of a removed manifest")
        },
    ]

    static let manifests: [MetadataStoreCheck] = [
        MetadataStoreCheck("a manifest is known that was stored, that a tag names, or that an index names") { store in
            let repository = try Samples.repository("a")
            let image = try SampleManifest.image(1, config: 10, layers: [11])
            let index = try SampleManifest.index(2, of: [image.digest, Samples.digest(3)])
            try await store.put(image, in: repository, at: 5)
            try expect(
                try await store.manifest(image.digest, in: repository),
                is: image.record(in: repository, fetchedAt: Samples.moment(5)), "the stored manifest")
            let named = ManifestRecord(
                repository: repository, digest: Samples.digest(3), mediaType: nil, size: nil, fetchedAt: nil)
            try expect(try await store.manifest(named.digest, in: repository), is: nil, "one that nothing names")
            try await store.put(index, in: repository)
            try expect(try await store.manifest(named.digest, in: repository), is: named, "an index's child")
            try await store.putTag("t", of: Samples.digest(4), in: repository)
            try expect(
                try await store.manifest(Samples.digest(4), in: repository)?.mediaType, is: .some(nil), "one by its tag"
            )
            for number in [1, 2, 3, 4] {
                try expect(
                    try await store.manifest(Samples.digest(number), in: Samples.repository("b")), is: nil,
                    "manifest \(number) in another repository")
            }
            try expect(try await store.manifest(Samples.digest(11), in: repository), is: nil, "a layer as a manifest")
        },
        MetadataStoreCheck("a subject is not known by what refers to it") { store in
            let repository = try Samples.repository("a")
            try await store.put(
                SampleManifest.image(1, config: 10, layers: [], subject: Samples.digest(9)), in: repository)
            try expect(try await store.manifest(Samples.digest(9), in: repository), is: nil, "the subject")
            try expect(try await store.membership(of: Samples.digest(9), in: repository), is: nil, "as a blob")
        },
        MetadataStoreCheck("storing a manifest again changes nothing but what is new") { store in
            let repository = try Samples.repository("a")
            let image = try SampleManifest.image(1, config: 10, layers: [11, 11, 12])
            for second in [5, 9, 7] { try await store.put(image, in: repository, at: second) }
            try expect(
                try await store.manifest(image.digest, in: repository)?.fetchedAt, is: Samples.moment(7), "its time")
            try await store.putBlobs([11])
            let found = try await store.images(limit: 10)
            try expect(found.count, is: 1, "the number of images")
            try expect(found.first?.lastPulledAt, is: Samples.moment(9), "the last use")
            try expect(found.first?.storedBytes, is: image.size + 111, "the stored bytes")
            try expect(try await store.removeUnreferenced(blob: Samples.digest(11)), is: false, "a removal")
            _ = try await store.removeImage(image.digest, in: repository)
            try expect(try await store.removeUnreferenced(blob: Samples.digest(11)), is: true, "a removal after it")
        },
        MetadataStoreCheck("storing a manifest marks its own blob as stored") { store in
            let image = try SampleManifest.image(1, config: 10, layers: [11])
            try await store.put(image, in: Samples.repository("a"), at: 3)
            try expect(
                try await store.blobs(after: nil, limit: 10),
                is: [
                    BlobRecord(
                        digest: image.digest, size: image.size, storedAt: Samples.moment(3), usedAt: Samples.moment(3))
                ], "the blobs")
        },
    ]

    static let blobs: [MetadataStoreCheck] = [
        MetadataStoreCheck("a blob belongs to the repositories whose manifests name it, and to no other") { store in
            let repository = try Samples.repository("a")
            let image = try SampleManifest.image(1, config: 10, layers: [11, 12])
            let index = try SampleManifest.index(2, of: [image.digest])
            try await store.put(image, in: repository)
            try await store.put(index, in: repository)
            try await store.putBlobs([10, 11, 12])
            try expect(
                try await store.membership(of: Samples.digest(10), in: repository),
                is: BlobMembership(size: 110, mediaType: MediaType("application/vnd.oci.image.config.v1+json")),
                "the configuration")
            try expect(
                try await store.membership(of: Samples.digest(12), in: repository),
                is: BlobMembership(size: 112, mediaType: MediaType("application/vnd.oci.image.layer.v1.tar+gzip")),
                "a layer")
            try expect(try await store.membership(of: image.digest, in: repository), is: nil, "a child manifest")
            try expect(try await store.membership(of: Samples.digest(13), in: repository), is: nil, "an unnamed blob")
            for other in [try Samples.repository("a", rule: "other"), try Samples.repository("a/b")] {
                try await store.put(SampleManifest.image(3, config: 13, layers: []), in: other)
                try expect(try await store.membership(of: Samples.digest(11), in: other), is: nil, "in \(other)")
            }
            _ = try await store.removeImage(index.digest, in: repository)
            try expect(try await store.membership(of: Samples.digest(11), in: repository), is: nil, "once it is gone")
        },
        MetadataStoreCheck("a blob that the upstream confirmed belongs to that repository") { store in
            let repository = try Samples.repository("a")
            try await store.confirm(blob: Samples.digest(5), size: 50, in: repository, at: Samples.moment(0))
            try expect(
                try await store.membership(of: Samples.digest(5), in: repository),
                is: BlobMembership(size: 50, mediaType: nil), "the membership")
            try expect(
                try await store.membership(of: Samples.digest(5), in: Samples.repository("b")), is: nil, "elsewhere")
            try await store.confirm(blob: Samples.digest(5), size: 51, in: repository, at: Samples.moment(1))
            try expect(try await store.membership(of: Samples.digest(5), in: repository)?.size, is: 51, "the size")
        },
        MetadataStoreCheck("a blob's size is what was counted, else what was confirmed, else what was claimed") {
            store in
            let repository = try Samples.repository("a")
            let layer = Samples.digest(11)
            try await store.put(SampleManifest.image(1, config: 10, layers: [11]), in: repository)
            try expect(try await store.membership(of: layer, in: repository)?.size, is: 111, "the size claimed")
            try await store.confirm(blob: layer, size: 9, in: repository, at: Samples.moment(0))
            try expect(try await store.membership(of: layer, in: repository)?.size, is: 9, "the size confirmed")
            let moment = Samples.moment(0)
            try await store.put(BlobRecord(digest: layer, size: 8, storedAt: moment, usedAt: moment))
            let membership = try await store.membership(of: layer, in: repository)
            try expect(membership?.size, is: 8, "the size counted")
            try expect(membership?.mediaType != nil, "the media type is still the manifest's")
        },
        MetadataStoreCheck("an absence is remembered for its reference and repository, until forgotten") { store in
            let repository = try Samples.repository("a")
            let references: [ManifestReference] = [.tag(.latest), .tag(try Tag("Latest")), .digest(Samples.digest(1))]
            for (second, reference) in references.enumerated() {
                try await store.putAbsence(of: reference, in: repository, until: Samples.moment(second))
            }
            for (second, reference) in references.enumerated() {
                try expect(
                    try await store.absence(of: reference, in: repository), is: Samples.moment(second), "the absence")
                try expect(
                    try await store.absence(of: reference, in: Samples.repository("b")), is: nil, "an absence elsewhere"
                )
            }
            try await store.putAbsence(of: references[0], in: repository, until: Samples.moment(9))
            try expect(
                try await store.absence(of: references[0], in: repository), is: Samples.moment(9), "one put off")
            for _ in 0..<2 { try await store.putAbsence(of: references[0], in: repository, until: nil) }
            try expect(try await store.absence(of: references[0], in: repository), is: nil, "one forgotten")
            try expect(
                try await store.absence(of: references[1], in: repository), is: Samples.moment(1), "the one beside it")
            try expect(try await store.repositories(after: nil, limit: 10), is: [], "the repositories")
        },
    ]

    static let pulls: [MetadataStoreCheck] = [
        MetadataStoreCheck("pulls move an image's last use forward, and are counted") { store in
            let repository = try Samples.repository("a")
            let image = try SampleManifest.image(1, config: 10, layers: [11])
            try await store.put(image, in: repository, at: 10)
            try await store.pull(image.digest, in: repository, at: 30, count: 2)
            try await store.pull(image.digest, in: repository, at: 20, count: 3)
            let found = try await store.image(.digest(image.digest), in: repository)
            try expect(found?.lastPulledAt, is: Samples.moment(30), "the last pull")
            try expect(found?.pullCount, is: 5, "the number of pulls")
            try expect(
                try await store.blobs(after: nil, limit: 1).first?.usedAt, is: Samples.moment(30), "its bytes' last use"
            )
        },
        MetadataStoreCheck("a child's pull counts for every index of its repository above it") { store in
            let repository = try Samples.repository("a")
            let other = try Samples.repository("b")
            let child = try SampleManifest.image(1, config: 10, layers: [11])
            let inner = try SampleManifest.index(2, of: [child.digest])
            let outer = try SampleManifest.index(3, of: [inner.digest, child.digest])
            let beside = try SampleManifest.index(4, of: [child.digest])
            let apart = try SampleManifest.image(5, config: 10, layers: [])
            for manifest in [child, inner, outer, beside, apart] {
                try await store.put(manifest, in: repository)
                try await store.put(manifest, in: other)
            }
            try await store.pull(child.digest, in: repository, at: 60)
            for manifest in [child, inner, outer, beside] {
                let found = try await store.image(.digest(manifest.digest), in: repository)
                try expect(found?.lastPulledAt, is: Samples.moment(60), "the last pull")
                try expect(found?.pullCount, is: 1, "the number of pulls")
            }
            for (digest, repository) in [(apart.digest, repository), (outer.digest, other)] {
                let found = try await store.image(.digest(digest), in: repository)
                try expect(found?.lastPulledAt, is: Samples.moment(0), "the last pull of what is apart")
                try expect(found?.pullCount, is: 0, "the number of its pulls")
            }
        },
        MetadataStoreCheck("an index is as young as its children, in whatever order they came") { store in
            let repository = try Samples.repository("a")
            let child = try SampleManifest.image(1, config: 10, layers: [11])
            let inner = try SampleManifest.index(2, of: [child.digest])
            let outer = try SampleManifest.index(3, of: [inner.digest])
            try await store.put(child, in: repository, at: 1)
            try await store.pull(child.digest, in: repository, at: 50)
            try await store.put(outer, in: repository, at: 2)
            try await store.put(inner, in: repository, at: 3)
            try expect(
                try await store.images(limit: 5).map(\.lastPulledAt), is: [Samples.moment(50)], "the image's last use")
            try await store.put(child, in: repository, at: 70)
            try expect(
                try await store.images(limit: 5).map(\.lastPulledAt), is: [Samples.moment(70)], "once fetched again")
        },
        MetadataStoreCheck("a blob's pull moves its last use, and pulls of what is gone are passed over") { store in
            let repository = try Samples.repository("a")
            try await store.putBlobs([5, 6], at: 1)
            try await store.record(pulls: [])
            try await store.pull(Samples.digest(5), .blob, in: repository, at: 40)
            try await store.pull(Samples.digest(5), .blob, in: repository, at: 30)
            try await store.pull(Samples.digest(99), .blob, in: repository, at: 30)
            try await store.pull(Samples.digest(99), in: repository, at: 30)
            let used = try await store.blobs(after: nil, limit: 5).reduce(into: [:]) { $0[$1.digest] = $1.usedAt }
            try expect(
                used, is: [Samples.digest(5): Samples.moment(40), Samples.digest(6): Samples.moment(1)], "last uses")
            try expect(try await store.repositories(after: nil, limit: 5), is: [], "the repositories")
        },
        MetadataStoreCheck("a blob stored again keeps its later use") { store in
            let blob = BlobRecord(
                digest: Samples.digest(1), size: 5, storedAt: Samples.moment(5), usedAt: Samples.moment(9))
            try await store.put(blob)
            var again = blob
            again.size = 6
            again.storedAt = Samples.moment(6)
            again.usedAt = Samples.moment(6)
            try await store.put(again)
            again.usedAt = Samples.moment(9)
            try expect(try await store.blobs(after: nil, limit: 5), is: [again], "the blob")
            try expect(try await store.statistics().storedBytes, is: 6, "the stored bytes")
        },
        MetadataStoreCheck("writes from everywhere at once are all there") { store in
            let shared = try SampleManifest.image(1, config: 10, layers: [11])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        let repository = try Samples.repository("r\(number % 4)")
                        try await store.put(shared, in: repository)
                        try await store.putTag("t\(number)", of: shared.digest, in: repository)
                        try await store.pull(shared.digest, in: repository, at: number)
                        _ = try await store.images(limit: 3)
                        try await store.putBlobs([11])
                    }
                }
                try await group.waitForAll()
            }
            let found = try await store.images(limit: 10)
            try expect(found.count, is: 4, "the number of images")
            try expect(found.allSatisfy { $0.pullCount == 10 && $0.tags.count == 10 }, "every pull and tag is there")
            try expect(try await store.integrityProblems(), is: [], "the problems")
        },
    ]
}
