import HostileInput
import OCI
import Testing

struct ManifestTests {
    static let configDigest = "sha256:b5b2b2c507a0944348e0303114d8d93aaaa081732b86451d9bce1f432a537bc7"
    static let layerDigest = "sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"
    static let own = DigestHasher.digest(of: "the manifest itself".utf8)

    static let config =
        #""config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":7023,"digest":"\#(configDigest)"}"#
    static let layer =
        #"{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":32654,"digest":"\#(layerDigest)"}"#
    static let child =
        #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7143,"digest":"\#(layerDigest)","platform":{"architecture":"ppc64le","os":"linux"}}"#

    static func parse(_ text: String, as declared: MediaType? = nil) throws(ManifestError) -> Manifest {
        try Manifest(parsing: Array(text.utf8), declared: declared, digest: own)
    }

    // MARK: What is taken

    /// OCI Image 1.1, "Example Image Manifest".
    @Test func `the specification's image manifest is read`() throws {
        let manifest = try Self.parse(
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\#(Self.config),"layers":[\#(Self.layer),{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":16724,"digest":"sha256:3c3a4604a545cdc127456d94e421cd355bca5b528f4a9c1905b15da2eb4a4c6b"}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7682,"digest":"sha256:5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270"},"annotations":{"com.example.key1":"value1","com.example.key2":"value2"}}"#
        )
        #expect(manifest.kind == .image)
        #expect(manifest.mediaType == .ociManifest)
        #expect(manifest.blobs.map(\.size) == [7023, 32654, 16724])
        #expect(manifest.blobs.first?.digest.description == Self.configDigest)
        #expect(manifest.subject?.size == 7682)
        #expect(manifest.annotations == ["com.example.key1": "value1", "com.example.key2": "value2"])
        #expect(
            manifest.referrerDescriptor(digest: Self.own, size: 1).artifactType
                == "application/vnd.oci.image.config.v1+json")
    }

    /// OCI Image 1.1, "Example Image Index".
    @Test func `the specification's index is read`() throws {
        let index = try Self.parse(
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\#(Self.child),{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7682,"digest":"\#(Self.configDigest)","platform":{"architecture":"amd64","os":"linux","variant":"v3"}}]}"#
        )
        #expect(index.kind == .index)
        #expect(index.manifests.map { $0.platform?.description } == ["linux/ppc64le", "linux/amd64/v3"])
        #expect(index.blobs.isEmpty)
    }

    @Test func `an artifact manifest has blobs in place of layers`() throws {
        let artifact = try Self.parse(
            #"{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","artifactType":"application/x.sbom","blobs":[\#(Self.layer)],"subject":\#(Self.child)}"#
        )
        #expect(artifact.kind == .artifact)
        #expect(artifact.blobs.map(\.digest.description) == [Self.layerDigest])
        #expect(artifact.referrerDescriptor(digest: Self.own, size: 1).artifactType == "application/x.sbom")
    }

    static let types: [(String, MediaType?, MediaType)] = [
        // OCI 1.0 without mediaType, as declared or by what it holds.
        (#"{"schemaVersion":2,\#(config),"layers":[]}"#, .ociManifest, .ociManifest),
        (#"{"schemaVersion":2,\#(config),"layers":[]}"#, nil, .ociManifest),
        (#"{"schemaVersion":2,\#(config),"layers":[]}"#, MediaType("text/plain"), .ociManifest),
        (#"{"schemaVersion":2,"mediaType":"",\#(config),"layers":[]}"#, .dockerManifest, .dockerManifest),
        (#"{"schemaVersion":2,"manifests":[\#(child)]}"#, nil, .ociIndex),
        (#"{"schemaVersion":2,"manifests":[\#(child)]}"#, .dockerManifestList, .dockerManifestList),
        // The manifest's own type, where the field names another of the same kind or none.
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",\#(config),"layers":[]}"#,
            .ociManifest, .dockerManifest
        ),
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}"#,
            .json, .dockerManifestList
        ),
        (
            #"{"mediaType":"application/vnd.oci.image.manifest.v1+json; charset=utf-8",\#(config),"layers":[]}"#, nil,
            .ociManifest
        ),
        // Go writes an empty list as null.
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\#(config),"layers":null}"#,
            nil, .ociManifest
        ),
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":null}"#, nil,
            .ociIndex
        ),
        (
            #"{"schemaVersion":2,"manifests":[],"layers":null,"config":null,"subject":null,"annotations":null}"#, nil,
            .ociIndex
        ),
        // White space around, fields unknown.
        (" \n\t{\"schemaVersion\":2,\"x\":[{}],\"manifests\":[]}\r\n ", nil, .ociIndex),
    ]

    @Test(arguments: types)
    func `the media type is the manifest's own, else the declared, else by content`(
        _ text: String, _ declared: MediaType?, _ expected: MediaType
    ) throws {
        #expect(try Self.parse(text, as: declared).mediaType == expected)
    }

    static func image(_ layer: String) -> String { #"{"schemaVersion":2,\#(config),"layers":[\#(layer)]}"# }

    @Test(arguments: [
        #""annotations":{"a":null,"b":1,"c":"kept","d":["x"]}"#, #""annotations":{"c":"kept"},"platform":"linux""#,
        #""annotations":{"c":"kept"},"platform":{"os":1,"architecture":{}}"#,
        #""annotations":{"c":"kept"},"platform":{"os":"li\u0000nux","architecture":"a/b"}"#,
        #""annotations":{"c":"kept"},"urls":null,"artifactType":7"#, #""annotations":{"c":"kept"},"urls":"https://x""#,
        #""annotations":{"c":"kept"},"urls":[""],"data":5"#,
    ])
    func `what only describes is left out where it makes no sense`(_ fields: String) throws {
        let layer = try Self.parse(Self.image(#"{"digest":"\#(Self.layerDigest)","size":1,\#(fields)}"#)).layers[0]
        #expect(layer.annotations == ["c": "kept"])
        #expect(layer.platform == nil && layer.artifactType == nil && !layer.hasOtherSources)
        #expect(layer.mediaType == .octetStream)
    }

    @Test(arguments: [#"["a"]"#, #""a""#, "7", "null", #"{"a":{}}"#])
    func `annotations of the wrong kind are none`(_ value: String) throws {
        #expect(try Self.parse(#"{"schemaVersion":2,"manifests":[],"annotations":\#(value)}"#).annotations.isEmpty)
    }

    @Test func `a layer's other sources are seen`() throws {
        let text = Self.image(
            #"{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"\#(Self.layerDigest)","size":1,"urls":["https://x/y"]}"#
        )
        let layer = try Self.parse(text).layers[0]
        #expect(layer.hasOtherSources && layer.mediaType.isNonDistributable)
    }

    @Test(
        arguments: [
            ("0", 0), ("1", 1), ("281474976710656", 1 << 48), ("7.0", 7), ("1e3", 1000),
        ] as [(String, Int64)])
    func `a size may be any whole number up to its limit`(_ size: String, _ expected: Int64) throws {
        #expect(
            try Self.parse(Self.image(#"{"digest":"\#(Self.layerDigest)","size":\#(size)}"#)).layers[0].size == expected
        )
    }

    @Test func `the sizes of all that a manifest may name add up`() {
        let count = Int64(Manifest.descriptorLimit + 2)
        #expect(!count.multipliedReportingOverflow(by: Descriptor.sizeLimitBytes).overflow)
    }

    // MARK: What is refused

    @Test(arguments: [
        "-1", "-0.5", "1.5", "281474976710657", "9007199254740993", "9223372036854775807", "9223372036854775808",
        "18446744073709551616", "1e30", "1e400", "-9223372036854775808", #""7""#, "null", "true", "[1]", "{}",
    ])
    func `a size that is none is refused`(_ size: String) {
        #expect(throws: ManifestError.invalidDescriptor(field: "layers")) {
            try Self.parse(Self.image(#"{"digest":"\#(Self.layerDigest)","size":\#(size)}"#))
        }
    }

    @Test(arguments: [
        "null", "7", "[]", #""x""#, "{}", #"{"size":1}"#, #"{"digest":"sha256:abc","size":1}"#,
        #"{"digest":null,"size":1}"#, #"{"digest":"\#(layerDigest)"}"#,
        #"{"digest":"\#(layerDigest)","size":1,"mediaType":5}"#,
        #"{"digest":"md5:d41d8cd98f00b204e9800998ecf8427e","size":1}"#,
    ])
    func `a descriptor without digest or size is refused`(_ descriptor: String) {
        #expect(throws: ManifestError.invalidDescriptor(field: "layers")) { try Self.parse(Self.image(descriptor)) }
        #expect(throws: ManifestError.invalidDescriptor(field: "manifests")) {
            try Self.parse(#"{"schemaVersion":2,"manifests":[\#(descriptor)]}"#)
        }
    }

    static let refused: [(String, MediaType?, ManifestError)] = [
        // Schema 1 by each of its signs.
        ("{}", .dockerSchema1, .schema1),
        ("{}", .dockerSchema1Signed, .schema1),
        (#"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[],"signatures":[]}"#, nil, .schema1),
        (#"{"schemaVersion":1}"#, .json, .schema1),
        (#"{"schemaVersion":1,\#(config),"layers":[]}"#, .dockerManifest, .schema1),
        (#"{"fsLayers":[{"blobSum":"x"}]}"#, nil, .schema1),
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"}"#, nil,
            .schema1
        ),
        // Two readings.
        (#"{"schemaVersion":2,\#(config),"layers":[],"manifests":[]}"#, nil, .ambiguous),
        (#"{"schemaVersion":2,\#(config),"layers":[],"manifests":[]}"#, .ociManifest, .ambiguous),
        (#"{"schemaVersion":2,\#(config),"layers":[],"manifests":[]}"#, .ociIndex, .ambiguous),
        (#"{"schemaVersion":2,"layers":[],"manifests":[]}"#, .ociIndex, .ambiguous),
        (#"{"schemaVersion":2,"blobs":[],"manifests":[]}"#, .ociIndex, .ambiguous),
        (#"{"schemaVersion":2,"manifests":[]}"#, .ociManifest, .ambiguous),
        (#"{"schemaVersion":2}"#, nil, .ambiguous),
        (#"{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","layers":[]}"#, nil, .ambiguous),
        // Too little.
        (#"{"schemaVersion":2,"layers":[]}"#, .ociManifest, .invalidDescriptor(field: "config")),
        (#"{"schemaVersion":2,"config":null,"layers":[]}"#, .ociManifest, .invalidDescriptor(field: "config")),
        (#"{"errors":[]}"#, .ociIndex, .invalidDescriptor(field: "manifests")),
        (#"{"errors":[]}"#, .ociArtifact, .invalidDescriptor(field: "mediaType")),
        (#"{"errors":[]}"#, .json, .unsupportedMediaType("application/json")),
        ("{}", nil, .unsupportedMediaType("an unnamed type")),
        (#"{"schemaVersion":3,\#(config)}"#, nil, .unsupportedMediaType("an unnamed type")),
        // Other types.
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.config.v1+json"}"#, .ociManifest,
            .unsupportedMediaType("application/vnd.oci.image.config.v1+json")
        ),
        (
            #"{"schemaVersion":2,"mediaType":"nonsense\r\n",\#(config)}"#, .ociManifest,
            .unsupportedMediaType("a malformed media type")
        ),
        // Lies.
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#, .ociManifest,
            .mediaTypeMismatch(
                declared: "application/vnd.oci.image.manifest.v1+json",
                inside: "application/vnd.oci.image.index.v1+json")
        ),
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\#(config),"layers":[]}"#,
            .dockerManifestList,
            .mediaTypeMismatch(
                declared: "application/vnd.docker.distribution.manifest.list.v2+json",
                inside: "application/vnd.oci.image.manifest.v1+json")
        ),
        // Fields of the wrong kind.
        (#"{"schemaVersion":"2"}"#, nil, .invalidDescriptor(field: "schemaVersion")),
        (#"{"schemaVersion":99999999999999999999}"#, nil, .invalidDescriptor(field: "schemaVersion")),
        (#"{"schemaVersion":2,"mediaType":5}"#, nil, .invalidDescriptor(field: "mediaType")),
        (#"{"schemaVersion":2,"manifests":{}}"#, nil, .invalidDescriptor(field: "manifests")),
        (#"{"schemaVersion":2,"manifests":[],"subject":[]}"#, nil, .invalidDescriptor(field: "subject")),
        (#"{"schemaVersion":2,"config":"x"}"#, nil, .invalidDescriptor(field: "config")),
    ]

    @Test(arguments: refused)
    func `a manifest that cannot be trusted to mean one thing is refused`(
        _ text: String, _ declared: MediaType?, _ reason: ManifestError
    ) {
        #expect(throws: reason) { try Self.parse(text, as: declared) }
        #expect(!reason.description.isEmpty)
    }

    @Test(arguments: [
        "", " ", "null", "[]", "7", "\"x\"", "<html></html>", "{", "}", "{\"a\"", "{\"schemaVersion\":2,}", "{}{}",
        "{} x",
        "\u{FEFF}{}", "{\"a\":\"\u{1}\"}", "{'a':1}", "{\"a\":nan}", "{\"a\":01}", "{\"a\":\"\\ud800\"}",
    ])
    func `what is not one JSON object is refused`(_ text: String) {
        #expect(throws: ManifestError.self) { try Self.parse(text, as: .ociIndex) }
    }

    @Test func `UTF-16, a byte order mark and malformed UTF-8 in what is read are refused`() {
        let text = #"{"schemaVersion":2,"manifests":[]}"#
        let little = text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let big = text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        let malformed = Array(#"{"schemaVersion":2,"manifests":[],"mediaType":""#.utf8) + [0xFF] + Array(#""}"#.utf8)
        #expect(throws: ManifestError.self) { try Manifest(parsing: malformed, declared: .ociIndex, digest: Self.own) }
        for bytes in [little, big, [0xFF, 0xFE] + little] {
            #expect(throws: ManifestError.notJSON) {
                try Manifest(parsing: bytes, declared: .ociIndex, digest: Self.own)
            }
        }
    }

    @Test(arguments: ["config", "layers", "subject", "manifests"])
    func `a manifest that names itself is refused`(_ field: String) {
        let itself = #"{"digest":"\#(Self.own)","size":1}"#
        let text =
            switch field {
            case "config": #"{"schemaVersion":2,"config":\#(itself),"layers":[]}"#
            case "layers": Self.image(itself)
            case "subject": #"{"schemaVersion":2,"manifests":[],"subject":\#(itself)}"#
            default: #"{"schemaVersion":2,"manifests":[\#(Self.child),\#(itself)]}"#
            }
        #expect(throws: ManifestError.namesItself) { try Self.parse(text) }
    }

    @Test func `more descriptors than the limit are refused`() throws {
        func index(_ count: Int) -> String {
            #"{"schemaVersion":2,"manifests":["# + Array(repeating: Self.child, count: count).joined(separator: ",")
                + "]}"
        }
        #expect(try Self.parse(index(200)).manifests.count == 200)
        #expect(throws: ManifestError.tooManyDescriptors(limit: Manifest.descriptorLimit)) {
            try Self.parse(index(Manifest.descriptorLimit + 1))
        }
    }

    // MARK: Hostile input

    /// Made in here, since what is handed to a test as its argument is printed whole.
    @Test func `nesting and lengths without end are refused, or passed over, in bounded time`() {
        let texts = [
            String(repeating: "[", count: 1 << 20), String(repeating: "{\"a\":", count: 1 << 18),
            #"{"schemaVersion":2,"manifests":[],"x":"# + String(repeating: "[", count: 100_000)
                + String(repeating: "]", count: 100_000) + "}",
            #"{"schemaVersion":2,"manifests":"# + String(repeating: "[", count: 1 << 20),
            #"{"a":""# + String(repeating: "\\", count: 1 << 20),
            #"{"schemaVersion":2,"manifests":[],"x":"# + String(repeating: "9", count: 1 << 20) + #","y":{}}"#,
        ]
        for (number, text) in texts.enumerated() {
            let elapsed = ContinuousClock().measure { _ = try? Self.parse(text, as: .ociIndex) }
            #expect(elapsed < .seconds(10), "text \(number)")
        }
    }

    @Test func `a manifest of four megabytes of descriptors is refused before they are read`() {
        let text =
            #"{"schemaVersion":2,"manifests":["#
            + Array(repeating: "{}", count: (4 << 20) / 3).joined(separator: ",") + "]}"
        #expect(throws: ManifestError.tooManyDescriptors(limit: Manifest.descriptorLimit)) { try Self.parse(text) }
    }

    @Test func `of duplicate fields some one is taken, and nothing breaks`() throws {
        let text = #"{"schemaVersion":2,"schemaVersion":2,"manifests":[],"manifests":[\#(Self.child)]}"#
        #expect(try Self.parse(text).kind == .index)
    }

    @Test func `no bytes whatever crash the parser`() {
        var generator = SeededGenerator(seed: 4)
        for length in 0..<2000 {
            let bytes = randomBytes(count: length % 97, using: &generator)
            #expect(throws: ManifestError.self) {
                try Manifest(parsing: bytes, declared: .ociIndex, digest: Self.own)
            }
        }
    }

    @Test func `a manifest with any bytes changed is read or refused, never worse`() {
        let whole = Array(
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\#(Self.config),"layers":[\#(Self.layer)],"annotations":{"a":"b"}}"#
                .utf8)
        let spare = Array("\"{}[]:,0-e.\\nul\0\u{301}".utf8)
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<4000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = spare[Int.random(in: 0..<spare.count, using: &generator)]
                case 1: bytes.removeSubrange(place..<min(bytes.count, place + 9))
                default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 20)], at: place)
                }
            }
            guard let manifest = try? Manifest(parsing: bytes, declared: nil, digest: Self.own) else { continue }
            #expect(manifest.blobs.allSatisfy { (0...Descriptor.sizeLimitBytes).contains($0.size) })
            #expect(manifest.kind != .image || manifest.config != nil)
        }
    }
}
