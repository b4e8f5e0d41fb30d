import MetadataStore
import OCI
import Rules
import Timekeeping

extension MetadataStoreConformance {
    static let listings: [MetadataStoreCheck] = [
        MetadataStoreCheck("tags are listed in ASCII order, in pages") { store in
            let repository = try Samples.repository("a")
            let names = ["latest", "Z", "_x", "1.10", "1.9", "a", "0", "v1", "V1", "a.b", "a-b", "a_b"]
            for name in names {
                try await store.putTag(name, of: Samples.digest(1), in: repository)
                try await store.putTag(name + "x", of: Samples.digest(1), in: Samples.repository("b"))
            }
            let sorted = names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
            let all = try await store.tags(in: repository, after: nil, limit: 100).map(\.description)
            try expect(all, is: sorted, "the tags")
            for page in [1, 5, 12, 13] {
                var listed: [Tag] = []
                while true {
                    let next = try await store.tags(in: repository, after: listed.last, limit: page)
                    listed += next
                    if next.count < page { break }
                }
                try expect(listed.map(\.description), is: sorted, "the tags in pages of \(page)")
            }
            try expect(
                try await store.tags(in: repository, after: Tag("b"), limit: 1).map(\.description), is: ["latest"],
                "those after one that is not there")
            try expect(try await store.tags(in: repository, after: nil, limit: 0), is: [], "no tags")
            try expect(try await store.tags(in: Samples.repository("c"), after: nil, limit: 9), is: [], "elsewhere")
        },
        MetadataStoreCheck("repositories are listed in order of rule and name, once they hold something") { store in
            let image = try SampleManifest.image(1, config: 10, layers: [])
            let keys = [("hub", "b"), ("hub", "a/b"), ("hub", "a"), ("a.io", "z"), ("hub/x", "a"), ("hub", "a-b")]
            for (rule, name) in keys {
                let repository = try Samples.repository(name, rule: rule)
                if name == "a" {
                    try await store.putTag("t", of: image.digest, in: repository)
                } else {
                    try await store.put(image, in: repository)
                }
            }
            let absent = try Samples.repository("absent")
            try await store.confirm(blob: Samples.digest(5), size: 5, in: absent, at: Samples.moment(0))
            try await store.setPin(true, on: .tag(.latest), in: absent)
            try await store.putAbsence(of: .tag(.latest), in: absent, until: Samples.moment(5))
            let expected = ["a.io/z", "hub/a", "hub/a-b", "hub/a/b", "hub/b", "hub/x/a"]
            let all = try await store.repositories(after: nil, limit: 50)
            try expect(all.map(\.description), is: expected, "the repositories")
            try expect(all.last, is: Samples.repository("a", rule: "hub/x"), "the last one")
            for page in [1, 2, 6] {
                var listed: [RepositoryKey] = []
                while true {
                    let next = try await store.repositories(after: listed.last, limit: page)
                    listed += next
                    if next.count < page { break }
                }
                try expect(listed, is: all, "the repositories in pages of \(page)")
            }
            try expect(try await store.statistics().repositories, is: 6, "their number")
            _ = try await store.removeImage(image.digest, in: Samples.repository("b"))
            try expect(try await store.repositories(after: nil, limit: 50).count, is: 5, "their number after a removal")
        },
        MetadataStoreCheck("referrers are listed by subject, as the specification wants them") { store in
            let repository = try Samples.repository("a")
            let subject = Samples.digest(9)
            let signature = try SampleManifest.image(
                1, config: 10, layers: [11], subject: subject, artifactType: "application/x.signature",
                annotations: #"{"k":"ü \" 😀","a":""}"#)
            let unnamed = try SampleManifest.image(
                2, config: 10, layers: [11], subject: subject, configType: "application/vnd.me.config.v1+json")
            let other = try SampleManifest.image(3, config: 10, layers: [], subject: Samples.digest(8))
            let plain = try SampleManifest.image(4, config: 10, layers: [])
            for manifest in [signature, unnamed, other, plain] { try await store.put(manifest, in: repository) }
            try await store.put(signature, in: Samples.repository("b"))
            try expect(
                try await store.referrers(of: subject, in: repository),
                is: [signature, unnamed].map { $0.contents.referrerDescriptor(digest: $0.digest, size: $0.size) }
                    .sorted { $0.digest < $1.digest }, "the referrers")
            try expect(try await store.referrers(of: plain.digest, in: repository), is: [], "those of another")
            try expect(try await store.referrers(of: subject, in: Samples.repository("c")), is: [], "those elsewhere")
            _ = try await store.removeImage(signature.digest, in: repository)
            try expect(
                try await store.referrers(of: subject, in: repository).map(\.digest), is: [unnamed.digest],
                "those that are left")
        },
        MetadataStoreCheck("statistics count what there is") { store in
            let empty = CatalogueStatistics(repositories: 0, tags: 0, manifests: 0, blobs: 0, storedBytes: 0)
            try expect(try await store.statistics(), is: empty, "the statistics of nothing")
            let image = try SampleManifest.image(1, config: 10, layers: [11, 12])
            for name in ["a", "b"] {
                try await store.put(image, in: Samples.repository(name))
                try await store.putTag("t", of: image.digest, in: Samples.repository(name))
            }
            try await store.putBlobs([10, 11, 12, 13])
            try await store.forget(blob: Samples.digest(12))
            try expect(
                try await store.statistics(),
                is: CatalogueStatistics(
                    repositories: 2, tags: 2, manifests: 2, blobs: 4, storedBytes: image.size + 110 + 111 + 113),
                "the statistics")
            for name in ["a", "b"] { _ = try await store.removeImage(image.digest, in: Samples.repository(name)) }
            for blob in try await store.blobs(after: nil, limit: 100) { try await store.forget(blob: blob.digest) }
            try expect(try await store.statistics(), is: empty, "the statistics in the end")
        },
    ]

    static let checking: [MetadataStoreCheck] = [
        MetadataStoreCheck("blobs and manifests are listed in order of digest, in pages") { store in
            let repository = try Samples.repository("a")
            var digests: [Digest] = []
            for number in 0..<23 {
                let digest = Samples.digest(number, number % 4 == 0 ? .sha512 : .sha256)
                let moment = Samples.moment(0)
                try await store.put(BlobRecord(digest: digest, size: 1, storedAt: moment, usedAt: moment))
                digests.append(digest)
            }
            for page in [1, 7, 23, 24] {
                var listed: [Digest] = []
                while true {
                    let next = try await store.blobs(after: listed.last, limit: page)
                    listed += next.map(\.digest)
                    if next.count < page { break }
                }
                try expect(listed, is: digests.sorted(), "the blobs in pages of \(page)")
            }
            var records: [ManifestRecord] = []
            for number in 0..<9 {
                let image = try SampleManifest.image(100 + number, config: 1, layers: [])
                try await store.put(image, in: repository, at: number)
                try await store.put(image, in: Samples.repository("b"))
                records.append(image.record(in: repository, fetchedAt: Samples.moment(number)))
            }
            var listed: [ManifestRecord] = []
            while true {
                let next = try await store.manifests(in: repository, after: listed.last?.digest, limit: 4)
                listed += next
                if next.count < 4 { break }
            }
            try expect(listed, is: records.sorted { $0.digest < $1.digest }, "the manifests in pages")
        },
        MetadataStoreCheck("a manifest whose bytes are forgotten is found, and can be removed with its tags") { store in
            let repository = try Samples.repository("a")
            let image = try SampleManifest.image(1, config: 10, layers: [11])
            let sound = try SampleManifest.image(2, config: 10, layers: [11])
            for manifest in [image, sound] { try await store.put(manifest, in: repository) }
            try await store.putTag("t", of: image.digest, in: repository)
            try await store.putTag("u", of: sound.digest, in: repository)
            try expect(try await store.manifestsWithoutBlob(limit: 5).isEmpty, "every manifest has its bytes")
            try await store.forget(blob: image.digest)
            try await store.forget(blob: image.digest)
            let found = try await store.manifestsWithoutBlob(limit: 5)
            try expect(found.count, is: 1, "the number without bytes")
            try expect(found.first?.0, is: repository, "the repository")
            try expect(found.first?.1, is: image.digest, "the digest")
            for _ in 0..<2 { try await store.removeManifest(image.digest, in: repository) }
            try expect(try await store.manifest(image.digest, in: repository), is: nil, "the manifest")
            try expect(try await store.tag(Tag("t"), in: repository), is: nil, "its tag")
            try expect(try await store.tag(Tag("u"), in: repository)?.digest, is: sound.digest, "the other tag")
            try expect(
                try await store.membership(of: Samples.digest(11), in: repository) != nil, "the other's blobs stay")
            try expect(try await store.integrityProblems(), is: [], "the problems")
        },
    ]
}
