package import NIOCore
package import OCI

/// A piece of content with the bytes that its digest is of.
package struct TestContent: Sendable, Hashable {
    package let digest: Digest
    package let bytes: ByteBuffer
    package let mediaType: MediaType

    package init(_ bytes: ByteBuffer, mediaType: MediaType = .octetStream) {
        self.bytes = bytes
        self.mediaType = mediaType
        digest = DigestHasher.digest(of: bytes.readableBytesView)
    }

    package var size: Int { bytes.readableBytes }

    /// Its descriptor as JSON, with `extra` fields (`,"name":value`) at the end.
    package func descriptor(extra: String = "") -> String {
        #"{"mediaType":"\#(mediaType)","digest":"\#(digest)","size":\#(size)\#(extra)}"#
    }

    /// `count` random bytes.
    package static func random(count: Int) -> TestContent {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var state = UInt64.random(in: 1 ... .max)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            for index in 0..<count {
                // xorshift64: the system's generator is slow for megabytes, and nobody guesses at these bytes.
                if index % 8 == 0 {
                    state ^= state << 13
                    state ^= state >> 7
                    state ^= state << 17
                }
                bytes[index] = UInt8(truncatingIfNeeded: state >> UInt64(index % 8 * 8))
            }
            return count
        }
        return TestContent(buffer)
    }
}

/// A multi-platform image: an index, and an image for each platform.
package struct TestImage: Sendable {
    package struct PlatformImage: Sendable {
        package let platform: Platform
        package let manifest: TestContent
        package let config: TestContent
        package let layers: [TestContent]

        /// The configuration and the layers.
        package var blobs: [TestContent] { [config] + layers }

        /// - Parameter layerSizes: in bytes; the layers' content is random.
        package init(platform: Platform = Platform(os: "linux", architecture: "amd64"), layerSizes: [Int]) {
            self.platform = platform
            layers = layerSizes.map { TestContent(TestContent.random(count: $0).bytes, mediaType: Self.layerType) }
            let diffIDs = layers.map { "\"\($0.digest)\"" }.joined(separator: ",")
            config = TestContent(
                ByteBuffer(
                    string: #"{"architecture":"\#(platform.architecture)","os":"\#(platform.os)","#
                        + #""config":{},"rootfs":{"type":"layers","diff_ids":[\#(diffIDs)]}}"#),
                mediaType: Self.configType)
            manifest = TestContent(
                ByteBuffer(
                    string: #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","#
                        + #""config":\#(config.descriptor()),"#
                        + #""layers":[\#(layers.map { $0.descriptor() }.joined(separator: ","))]}"#),
                mediaType: .ociManifest)
        }

        private static let layerType =
            MediaType("application/vnd.oci.image.layer.v1.tar+gzip") ?? .octetStream
        private static let configType = MediaType("application/vnd.oci.image.config.v1+json") ?? .json
    }

    package let index: TestContent
    package let images: [PlatformImage]

    /// Every blob of every platform.
    package var blobs: [TestContent] { images.flatMap(\.blobs) }
    /// The index first, then each platform's manifest.
    package var manifests: [TestContent] { [index] + images.map(\.manifest) }

    package init(images: [PlatformImage]) {
        self.images = images
        let children = images.map { image in
            let variant = image.platform.variant.map { #","variant":"\#($0)""# } ?? ""
            return image.manifest.descriptor(
                extra: #","platform":{"os":"\#(image.platform.os)","architecture":"#
                    + #""\#(image.platform.architecture)"\#(variant)}"#)
        }
        index = TestContent(
            ByteBuffer(
                string: #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","#
                    + #""manifests":[\#(children.joined(separator: ","))]}"#),
            mediaType: .ociIndex)
    }
}
