import MetadataStore
import OCI
import Rules
import Timekeeping

extension MetadataStoreConformance {
    static let images: [MetadataStoreCheck] = [
        MetadataStoreCheck("images come least recently used first, as many as asked for") { store in
            let repository = try Samples.repository("a")
            let order = [4, 1, 5, 2, 3]
            for (second, number) in order.enumerated() {
                try await store.put(
                    SampleManifest.image(number, config: 10, layers: [11]), in: repository, at: second)
            }
            try await store.pull(Samples.digest(4), in: repository, at: 90)
            let expected = [1, 5, 2, 3, 4].map { Samples.digest($0) }
            for limit in [0, 1, 3, 5, 9] {
                try expect(
                    try await store.images(limit: limit).map(\.digest), is: Array(expected.prefix(limit)),
                    "the images, at most \(limit)")
                try expect(
                    try await store.recentImages(limit: limit).map(\.digest),
                    is: Array(expected.reversed().prefix(limit)), "the images pulled last, at most \(limit)")
            }
        },
        MetadataStoreCheck("an index and its children are one image, with all that they name counted once") { store in
            let repository = try Samples.repository("a")
            let first = try SampleManifest.image(1, config: 10, layers: [11, 12, 12])
            let second = try SampleManifest.image(2, config: 20, layers: [11, 21])
            let index = try SampleManifest.index(3, of: [first.digest, second.digest, Samples.digest(9)])
            for (moment, manifest) in [first, index, second].enumerated() {
                try await store.put(manifest, in: repository, at: moment)
            }
            try await store.putBlobs([10, 11, 12, 21, 30])
            for tag in ["v1", "latest"] { try await store.putTag(tag, of: index.digest, in: repository) }
            try await store.putTag("arm", of: second.digest, in: repository)
            try await store.pull(first.digest, in: repository, at: 8, count: 3)
            let sizes = [first.size, second.size, index.size, 110, 111, 112, 121]
            let stored = zip([1, 2, 3, 10, 11, 12, 21].map { Samples.digest($0) }, sizes)
            let image = ImageRecord(
                repository: repository, digest: index.digest, tags: [try Tag("latest"), try Tag("v1")],
                mediaType: .ociIndex, lastPulledAt: Samples.moment(8), pullCount: 3, isPinned: false,
                stored: Dictionary(uniqueKeysWithValues: stored))
            try expect(try await store.images(limit: 10), is: [image], "the images")
            for reference in [ManifestReference.tag(.latest), .digest(index.digest)] {
                try expect(try await store.image(reference, in: repository), is: image, "the image by \(reference)")
            }
            let child = try await store.image(.tag(Tag("arm")), in: repository)
            try expect(child?.digest, is: second.digest, "the child as an image")
            try expect(child?.storedBytes, is: second.size + 111 + 121, "the child's bytes")
        },
        MetadataStoreCheck("what is not there is no image") { store in
            let repository = try Samples.repository("a")
            try await store.putTag("t", of: Samples.digest(1), in: repository)
            for reference in [ManifestReference.tag(try Tag("t")), .tag(.latest), .digest(Samples.digest(1))] {
                try expect(try await store.image(reference, in: repository), is: nil, "the image by \(reference)")
            }
            let image = try SampleManifest.image(2, config: 10, layers: [11])
            try await store.put(image, in: repository)
            try await store.forget(blob: image.digest)
            try expect(try await store.images(limit: 5), is: [], "the images of which nothing is stored")
            try expect(
                try await store.image(.digest(image.digest), in: repository)?.stored, is: [:],
                "what is stored of it")
            try await store.putBlobs([11])
            try expect(
                try await store.images(limit: 5).map(\.stored), is: [[Samples.digest(11): 111]],
                "what is stored of an image without its manifest")
        },
        MetadataStoreCheck("what refers to a subject is an image of its own") { store in
            let repository = try Samples.repository("a")
            let subject = try SampleManifest.image(1, config: 10, layers: [11])
            let signature = try SampleManifest.image(2, config: 20, layers: [21], subject: subject.digest)
            try await store.put(subject, in: repository, at: 1)
            try await store.put(signature, in: repository, at: 2)
            try await store.putBlobs([11, 21])
            try expect(
                try await store.images(limit: 5).map(\.digest), is: [subject.digest, signature.digest], "the images")
            try expect(
                try await store.removeImage(subject.digest, in: repository), is: [subject.digest], "what went")
            try expect(try await store.images(limit: 5).map(\.digest), is: [signature.digest], "the images left")
            try expect(
                try await store.removeUnreferenced(blob: subject.digest), is: true, "removing the subject's bytes")
            try expect(try await store.removeUnreferenced(blob: Samples.digest(21)), is: false, "removing the other's")
        },
        MetadataStoreCheck("a pin marks whatever image it leads to, and outlives it") { store in
            let repository = try Samples.repository("a")
            let child = try SampleManifest.image(1, config: 10, layers: [11])
            let index = try SampleManifest.index(2, of: [child.digest])
            let other = try SampleManifest.image(3, config: 10, layers: [11])
            let references: [ManifestReference] = [
                .digest(index.digest), .digest(child.digest), .tag(try Tag("onindex")), .tag(try Tag("onchild")),
            ]
            for reference in references { try await store.setPin(true, on: reference, in: repository) }
            for manifest in [child, index, other] { try await store.put(manifest, in: repository) }
            try await store.putTag("onindex", of: index.digest, in: repository)
            try await store.putTag("onchild", of: child.digest, in: repository)
            func pinned() async throws -> Set<Digest> {
                Set(try await store.images(limit: 5).filter(\.isPinned).map(\.digest))
            }
            for reference in references {
                for other in references where other != reference {
                    try await store.setPin(false, on: other, in: repository)
                }
                try await store.setPin(true, on: reference, in: repository)
                try await store.setPin(true, on: reference, in: repository)
                try expect(try await pinned(), is: [index.digest], "what \(reference) pins")
                try expect(
                    try await store.pins(), is: [PinRecord(repository: repository, reference: reference)], "the pins")
            }
            try await store.putTag("onchild", of: other.digest, in: repository)
            try expect(try await pinned(), is: [other.digest], "what is pinned when the tag moved")
            try await store.setPin(true, on: .digest(index.digest), in: Samples.repository("b"))
            try expect(try await pinned(), is: [other.digest], "what a pin elsewhere adds")
            _ = try await store.removeImage(other.digest, in: repository)
            try expect(try await store.pins().count, is: 2, "the pins after a removal")
            try await store.setPin(false, on: .digest(Samples.digest(77)), in: repository)
            try expect(try await store.pins().count, is: 2, "the pins after one that was none")
        },
    ]

    static let removal: [MetadataStoreCheck] = [
        MetadataStoreCheck("removing an image takes its tags and those children that nothing else needs") { store in
            let repository = try Samples.repository("a")
            let own = try SampleManifest.image(1, config: 10, layers: [11])
            let shared = try SampleManifest.image(2, config: 20, layers: [21])
            let tagged = try SampleManifest.image(3, config: 30, layers: [31])
            let index = try SampleManifest.index(4, of: [own.digest, shared.digest, tagged.digest, Samples.digest(9)])
            let other = try SampleManifest.index(5, of: [shared.digest])
            for manifest in [own, shared, tagged, index, other] { try await store.put(manifest, in: repository) }
            for (tag, digest) in [("i", index.digest), ("j", index.digest), ("o", other.digest), ("t", tagged.digest)] {
                try await store.putTag(tag, of: digest, in: repository)
            }
            let removed = try await store.removeImage(index.digest, in: repository)
            try expect(removed.first, is: index.digest, "what went first")
            try expect(Set(removed), is: [index.digest, own.digest], "what went")
            try expect(
                try await store.tags(in: repository, after: nil, limit: 9).map(\.description), is: ["o", "t"],
                "the tags left")
            try expect(
                Set(try await store.images(limit: 9).map(\.digest)), is: [other.digest, tagged.digest],
                "the images left")
            try expect(try await store.manifest(own.digest, in: repository), is: nil, "the child that went")
            try expect(try await store.manifest(Samples.digest(9), in: repository), is: nil, "the child never stored")
            try expect(try await store.removeImage(index.digest, in: repository), is: [], "what goes a second time")
            try expect(
                Set(try await store.removeImage(other.digest, in: repository)), is: [other.digest, shared.digest],
                "what goes with the last index")
            try expect(try await store.integrityProblems(), is: [], "the problems")
        },
        MetadataStoreCheck("nested indexes go with all that is theirs alone") { store in
            let repository = try Samples.repository("a")
            let leaf = try SampleManifest.image(1, config: 10, layers: [])
            let kept = try SampleManifest.image(2, config: 10, layers: [])
            let inner = try SampleManifest.index(3, of: [leaf.digest, kept.digest])
            let outer = try SampleManifest.index(4, of: [inner.digest, leaf.digest])
            for manifest in [outer, kept, inner, leaf] { try await store.put(manifest, in: repository) }
            try await store.putTag("k", of: kept.digest, in: repository)
            try expect(try await store.images(limit: 9).map(\.digest), is: [outer.digest], "the images")
            try expect(
                Set(try await store.removeImage(outer.digest, in: repository)),
                is: [outer.digest, inner.digest, leaf.digest], "what went")
            try expect(try await store.images(limit: 9).map(\.digest), is: [kept.digest], "the images left")
        },
        MetadataStoreCheck("tags of a manifest that was never stored go with it") { store in
            let repository = try Samples.repository("a")
            try await store.putTag("t", of: Samples.digest(1), in: repository)
            try expect(try await store.removeImage(Samples.digest(1), in: repository), is: [], "what went")
            try expect(try await store.tag(Tag("t"), in: repository), is: nil, "the tag")
            try expect(try await store.removeImage(Samples.digest(1), in: Samples.repository("b")), is: [], "elsewhere")
        },
        MetadataStoreCheck("a child may be removed alone, and its index stays") { store in
            let repository = try Samples.repository("a")
            let child = try SampleManifest.image(1, config: 10, layers: [11])
            let index = try SampleManifest.index(2, of: [child.digest])
            for manifest in [child, index] { try await store.put(manifest, in: repository) }
            try expect(try await store.removeImage(child.digest, in: repository), is: [child.digest], "what went")
            try expect(try await store.images(limit: 5).map(\.digest), is: [index.digest], "the images")
            try expect(
                try await store.manifest(child.digest, in: repository)?.mediaType, is: .some(nil),
                "the child, known by its index")
            try expect(try await store.removeUnreferenced(blob: child.digest), is: false, "removing its bytes")
        },
    ]

    static let collection: [MetadataStoreCheck] = [
        MetadataStoreCheck("a blob shared by two repositories is kept until both let it go") { store in
            let (a, b) = (try Samples.repository("a"), try Samples.repository("b"))
            let first = try SampleManifest.image(1, config: 10, layers: [11])
            let second = try SampleManifest.image(2, config: 20, layers: [11])
            try await store.putBlobs([10, 11, 20])
            try await store.put(first, in: a)
            try await store.put(second, in: b)
            let never = Samples.moment(1_000_000)
            try expect(try await store.unreferencedBlobs(usedBefore: never, limit: 9), is: [], "what is unreferenced")
            _ = try await store.removeImage(first.digest, in: a)
            try expect(
                Set(try await store.unreferencedBlobs(usedBefore: never, limit: 9).map(\.digest)),
                is: [first.digest, Samples.digest(10)], "what is unreferenced after the first")
            try expect(try await store.removeUnreferenced(blob: Samples.digest(11)), is: false, "removing the shared")
            _ = try await store.removeImage(second.digest, in: b)
            for number in [1, 2, 10, 11, 20] {
                try expect(
                    try await store.removeUnreferenced(blob: Samples.digest(number)), is: true, "removing \(number)")
                try expect(try await store.removeUnreferenced(blob: Samples.digest(number)), is: false, "and again")
            }
            try expect(try await store.blobs(after: nil, limit: 9), is: [], "the blobs")
        },
        MetadataStoreCheck("unreferenced blobs come least recently used first, and not before their time") { store in
            for (second, number) in [3, 1, 2, 4].enumerated() { try await store.putBlobs([number], at: second) }
            try await store.pull(Samples.digest(3), .blob, in: Samples.repository("a"), at: 9)
            let table: [(second: Int, limit: Int, numbers: [Int])] = [
                (100, 9, [1, 2, 4, 3]), (100, 2, [1, 2]), (100, 0, []), (9, 9, [1, 2, 4]), (2, 9, [1]), (1, 9, []),
            ]
            for row in table {
                let found = try await store.unreferencedBlobs(usedBefore: Samples.moment(row.second), limit: row.limit)
                try expect(
                    found.map(\.digest), is: row.numbers.map { Samples.digest($0) },
                    "what is unreferenced before \(row.second)")
            }
        },
        MetadataStoreCheck("a blob is referenced whether its row or the manifest's came first") { store in
            let repository = try Samples.repository("a")
            let image = try SampleManifest.image(1, config: 10, layers: [11, 11])
            try await store.putBlobs([1, 10])
            try await store.put(image, in: repository)
            try await store.putBlobs([11])
            for number in [1, 10, 11] {
                try expect(
                    try await store.removeUnreferenced(blob: Samples.digest(number)), is: false, "removing \(number)")
            }
            try await store.forget(blob: Samples.digest(11))
            try await store.putBlobs([11])
            try expect(try await store.removeUnreferenced(blob: Samples.digest(11)), is: false, "removing it put anew")
            try await store.removeManifest(image.digest, in: repository)
            for number in [1, 10, 11] {
                try expect(
                    try await store.removeUnreferenced(blob: Samples.digest(number)), is: true, "removing \(number)")
            }
        },
        MetadataStoreCheck("a child that an index names, or a manifest's own bytes, are referenced") { store in
            let repository = try Samples.repository("a")
            try await store.put(SampleManifest.index(1, of: [Samples.digest(2)]), in: repository)
            try await store.putBlobs([2])
            let found = try await store.unreferencedBlobs(usedBefore: Samples.moment(99), limit: 9)
            try expect(found, is: [], "what is unreferenced")
        },
        MetadataStoreCheck("a confirmation keeps no blob") { store in
            try await store.putBlobs([5])
            try await store.confirm(
                blob: Samples.digest(5), size: 105, in: Samples.repository("a"), at: Samples.moment(0))
            try expect(try await store.removeUnreferenced(blob: Samples.digest(5)), is: true, "removing it")
        },
    ]
}
