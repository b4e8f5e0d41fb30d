import OCI
import ProtobufCoding
import Synchronization

@testable import ContainerdClient

/// What containerd answers about images of one manifest, one configuration and one layer each.
final class ContainerdStandIn: Sendable {
    struct Image: Sendable {
        let name: String
        let manifest: Digest
        let digests: Set<Digest>
    }

    /// Any other digest is that of a blob as large as one likes, whose bytes are the number of their block.
    static let blockBytes = 128 << 10

    let images: [Image]
    private let manifests: [Digest: [UInt8]]
    private let counts = Mutex((reads: 0, readsUntilFault: Int?.none))

    init(imageCount: Int) {
        var images: [Image] = []
        var manifests: [Digest: [UInt8]] = [:]
        for number in 0..<imageCount {
            let (configuration, layer) = (
                DigestHasher.digest(of: Array("configuration \(number)".utf8)),
                DigestHasher.digest(of: Array("layer \(number)".utf8))
            )
            let bytes = Array(
                """
                {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
                "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(configuration)","size":1},\
                "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\(layer)","size":1}]}
                """.utf8)
            let manifest = DigestHasher.digest(of: bytes)
            manifests[manifest] = bytes
            images.append(
                Image(
                    name: "made-up.example/library/x:\(number)", manifest: manifest,
                    digests: [manifest, configuration, layer]))
        }
        (self.images, self.manifests) = (images, manifests)
    }

    /// How many manifests were read.
    var readCount: Int { counts.withLock { $0.reads } }

    /// One call breaks off after so many more manifests.
    func fail(after readCount: Int) { counts.withLock { $0.readsUntilFault = readCount } }

    func answer(_ call: GRPCServer.Call) -> GRPCServer.Script {
        switch call.method.split(separator: "/").joined(separator: "/") {
        case "containerd.services.images.v1.Images/List": GRPCServer.Script(messages: [listOfImages])
        case "containerd.services.content.v1.Content/List": GRPCServer.Script(messages: [listOfContent])
        case "containerd.services.content.v1.Content/Read": read(call.request)
        default: GRPCServer.Script(status: 12, message: "unimplemented")
        }
    }

    private var listOfImages: [UInt8] {
        var list = ProtobufWriter()
        for image in images {
            var (message, target) = (ProtobufWriter(), ProtobufWriter())
            target.string("\(image.manifest)", field: 2)
            message.string(image.name, field: 1)
            message.bytes(target.bytes, field: 3)
            list.bytes(message.bytes, field: 1)
        }
        return list.bytes
    }

    private var listOfContent: [UInt8] {
        var list = ProtobufWriter()
        for digest in images.flatMap(\.digests) {
            var message = ProtobufWriter()
            message.string("\(digest)", field: 1)
            message.varint(UInt64(manifests[digest]?.count ?? 1), field: 2)
            list.bytes(message.bytes, field: 1)
        }
        return list.bytes
    }

    private func read(_ request: [UInt8]) -> GRPCServer.Script {
        let isFaulty = counts.withLock { counts in
            guard let left = counts.readsUntilFault else {
                counts.reads += 1
                return false
            }
            counts.readsUntilFault = left > 0 ? left - 1 : nil
            if left > 0 { counts.reads += 1 }
            return left == 0
        }
        guard !isFaulty else { return GRPCServer.Script(status: nil) }
        let digest = (try? ContainerdMessages.text(request[...], field: 1)).flatMap { $0 }.flatMap { try? Digest($0) }
        guard let digest else { return GRPCServer.Script(status: 5) }
        var message = ProtobufWriter()
        message.bytes(manifests[digest] ?? Self.blob(request), field: 2)
        return GRPCServer.Script(messages: [message.bytes], interlude: .ping)
    }

    private static func blob(_ request: [UInt8]) -> [UInt8] {
        guard let offset = try? ContainerdMessages.number(request[...], field: 2),
            let count = try? ContainerdMessages.number(request[...], field: 3)
        else { return [] }
        var (bytes, place) = ([UInt8](), Int(offset))
        while bytes.count < Int(count) {
            let left = min(blockBytes - place % blockBytes, Int(count) - bytes.count)
            bytes += Array(repeating: UInt8(truncatingIfNeeded: place / blockBytes), count: left)
            place += left
        }
        return bytes
    }
}
