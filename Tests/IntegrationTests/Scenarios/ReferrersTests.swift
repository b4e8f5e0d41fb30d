import FoundationEssentials
import Testing

extension RealPrograms {
    /// Signatures and other artifacts that refer to an image.
    @Suite(.serialized)
    struct ReferrersTests {
        private static let artifactType = "application/vnd.example.signature"

        /// An artifact with the image's index as its subject, pushed by digest, as signing tools do.
        private func pushArtifact(to stage: Stage) async throws -> ImageDescriptor {
            let empty = try stage.registry.place(Data("{}".utf8), in: Stage.repository)
            let signature = try stage.registry.place(
                Data("signed \(try random(8).base64EncodedString())".utf8), in: Stage.repository)
            let manifest = try json(
                ImageManifest(
                    artifactType: Self.artifactType,
                    config: ImageDescriptor(mediaType: .empty, content: empty),
                    layers: [ImageDescriptor(mediaType: .text, content: signature)],
                    subject: ImageDescriptor(mediaType: .index, content: stage.image.index)))
            let content = Content(digest: contentDigest(manifest), size: manifest.count)
            try await stage.registry.push(
                manifest: manifest, type: .manifest, as: Stage.repository, reference: content.digest)
            return ImageDescriptor(mediaType: .manifest, content: content, artifactType: Self.artifactType)
        }

        private func referrers(of digest: String, at stage: Stage, query: String = "") async throws -> HTTPAnswer {
            try await stage.machine.request("\(stage.weir.origin)/v2/\(Stage.repository)/referrers/\(digest)\(query)")
        }

        private func digests(_ answer: HTTPAnswer) throws -> [String] {
            try JSONDecoder().decode(ImageIndex.self, from: answer.body).manifests.map(\.digest)
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `an artifact is listed by the tag schema where the upstream has no referrers API`() async throws {
            try await Stage.with { stage in
                let artifact = try await pushArtifact(to: stage)
                let subject = stage.image.index.digest
                try await stage.registry.push(
                    manifest: json(ImageIndex(manifests: [artifact])), type: .index, as: Stage.repository,
                    reference: subject.replacing(":", with: "-"))
                for round in ["cold", "upstream stopped"] {
                    let answer = try await referrers(of: subject, at: stage)
                    #expect(answer.status == 200, "\(round)")
                    #expect(answer.fields["content-type"] == ImageMediaType.index.rawValue, "\(round)")
                    #expect(try digests(answer) == [artifact.digest], "\(round)")
                    let manifest = try await stage.manifest(artifact.digest)
                    #expect(contentDigest(manifest.body) == artifact.digest, "\(round)")
                    let tag = try await stage.manifest(subject.replacing(":", with: "-"))
                    #expect(try digests(tag) == [artifact.digest], "\(round)")
                    try await stage.registry.stop()
                }
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `an image without artifacts has an empty list and not an error`() async throws {
            try await Stage.with { stage in
                let answer = try await referrers(of: stage.image.index.digest, at: stage)
                #expect(answer.status == 200)
                #expect(try digests(answer) == [])
            }
        }

        @Test(.needs(.nginx), .timeLimit(.minutes(1)))
        func `an artifact is listed by an upstream's own referrers API, and can be filtered by type`() async throws {
            try await Stage.with { stage in
                let artifact = try await pushArtifact(to: stage)
                let subject = stage.image.index.digest
                // docker-registry has no such API yet; nginx answers in its place.
                let path = "/v2/\(Stage.repository)/referrers/\(subject)"
                let file = "\(stage.machine.scratch.path)/referrers.json"
                try json(ImageIndex(manifests: [artifact])).write(to: URL(filePath: file))
                let front = try await Nginx(
                    on: stage.machine, name: "front", port: 5012,
                    locations: """
                        location = \(path) { default_type \(ImageMediaType.index.rawValue); alias \(file); }
                        location / { proxy_pass \(stage.registry.origin); proxy_set_header Host $http_host; }
                        """)
                try stage.weir.configure(WeirConfiguration(rules: [.hub(front.origin)]))
                try await stage.weir.stop()
                try await stage.weir.start()
                #expect(try digests(try await referrers(of: subject, at: stage)) == [artifact.digest])
                let same = try await referrers(of: subject, at: stage, query: "?artifactType=\(Self.artifactType)")
                #expect(try digests(same) == [artifact.digest])
                #expect(same.fields["oci-filters-applied"] == "artifactType")
                let other = try await referrers(of: subject, at: stage, query: "?artifactType=application/other")
                #expect(try digests(other) == [])
            }
        }
    }
}
