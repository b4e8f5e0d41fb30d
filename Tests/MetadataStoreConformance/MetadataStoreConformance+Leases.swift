internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

extension MetadataStoreConformance {
    static let leases = [
        MetadataStoreCheck("a lease keeps what it leads to, for each holder until its end") { store in
            let repository = try Samples.repository("a")
            let child = try SampleManifest.image(1, config: 10, layers: [11])
            let index = try SampleManifest.index(2, of: [child.digest])
            let other = try SampleManifest.image(3, config: 10, layers: [11])
            let byDigest = PinRecord(repository: repository, reference: .digest(child.digest))
            let byTag = PinRecord(repository: repository, reference: .tag(try Tag("t")))
            try await store.putLeases([byDigest, byTag], holder: "cluster", until: Samples.moment(100))
            for manifest in [child, index, other] { try await store.put(manifest, in: repository) }
            try await store.putTag("t", of: other.digest, in: repository)
            func leased() async throws -> Set<Digest> {
                Set(try await store.images(limit: 5).filter(\.isLeased).map(\.digest))
            }
            try expect(try await leased(), is: [index.digest, other.digest], "what is leased")
            try expect(
                try await store.image(.digest(child.digest), in: repository)?.isLeased, is: true, "the child alone")
            try await store.putLeases([byDigest], holder: "another", until: Samples.moment(300))
            try await store.putLeases([byDigest], holder: "cluster", until: Samples.moment(200))
            try await store.removeLeases(of: "another", endingBefore: Samples.moment(150))
            try expect(try await leased(), is: [index.digest, other.digest], "what others' ends leave")
            try await store.removeLeases(of: "cluster", endingBefore: Samples.moment(150))
            try expect(try await leased(), is: [index.digest], "what was renewed")
            try await store.removeLeases(of: nil, endingBefore: Samples.moment(200))
            try expect(try await store.leases(in: repository).count, is: 2, "leases that end just then")
            try await store.removeLeases(of: nil, endingBefore: Samples.moment(201))
            try expect(
                try await store.leases(in: repository),
                is: [
                    LeaseRecord(
                        repository: repository, reference: .digest(child.digest), holder: "another",
                        expiresAt: Samples.moment(300))
                ], "the last lease")
            try await store.removeLeases(of: nil, endingBefore: Samples.moment(301))
            try expect(try await leased(), is: [], "what is leased in the end")
        },
        MetadataStoreCheck("a lease holds in its own repository alone, and is listed there") { store in
            let (here, there) = (try Samples.repository("a"), try Samples.repository("b"))
            let image = try SampleManifest.image(1, config: 10, layers: [])
            for repository in [here, there] { try await store.put(image, in: repository) }
            let lease = PinRecord(repository: there, reference: .digest(image.digest))
            try await store.putLeases([lease], holder: "c", until: Samples.moment(1))
            try expect(
                try await store.images(limit: 5).filter(\.isLeased).map(\.repository), is: [there], "what is leased")
            try expect(try await store.leases(in: here), is: [], "leases here")
            try expect(try await store.leases(in: nil).map(\.repository), is: [there], "all leases")
            try await store.putLeases([], holder: "c", until: Samples.moment(9))
        },
    ]
}
