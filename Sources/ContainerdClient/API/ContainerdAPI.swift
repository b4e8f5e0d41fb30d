package import NIOCore
package import OCI
internal import ProtobufCoding
internal import Synchronization

/// containerd's services, one function for each call.
package struct ContainerdAPI: Sendable {
    private let client: GRPCClient
    package let namespace: String

    package init(socket: String, namespace: String) {
        client = GRPCClient(socket: socket, fields: [("containerd-namespace", namespace)])
        self.namespace = namespace
    }

    package func version() async throws(GRPCError) -> String {
        let answer = try await client.unary("containerd.services.version.v1.Version/Version", [])
        return try understand { () throws(ProtobufError) in
            try ContainerdMessages.text(Array(answer.readableBytesView)[...], field: 1) ?? ""
        }
    }

    // MARK: Images

    /// Images whose name has a repository in it; CRI's bare names of configurations have none.
    package func images() async throws(GRPCError) -> [ContainerdImage] {
        let answer = try await client.unary(
            "containerd.services.images.v1.Images/List", ContainerdMessages.filters([#"name~="^.+/""#]),
            within: .seconds(30))
        return try understand { () throws(ProtobufError) in
            var list: [ContainerdImage] = []
            for message in try ContainerdMessages.messages(answer.readableBytesView, field: 1) {
                if let image = try ContainerdMessages.image(message) { list.append(image) }
            }
            return list
        }
    }

    package func image(_ name: String) async throws(GRPCError) -> ContainerdImage? {
        guard
            let answer = try await found(
                { () throws(GRPCError) in
                    try await client.unary(
                        "containerd.services.images.v1.Images/Get", ContainerdMessages.named(name))
                })
        else { return nil }
        return try understand { () throws(ProtobufError) in
            guard let message = try ContainerdMessages.messages(answer.readableBytesView, field: 1).last else {
                return nil
            }
            return try ContainerdMessages.image(message)
        }
    }

    // MARK: Content

    /// The size of content in bytes; nil where it is not there, or not whole.
    package func size(of digest: Digest) async throws(GRPCError) -> Int64? {
        guard
            let answer = try await found(
                { () throws(GRPCError) in
                    try await client.unary(
                        "containerd.services.content.v1.Content/Info",
                        ContainerdMessages.named(digest.description))
                })
        else { return nil }
        return try understand { () throws(ProtobufError) in
            guard let message = try ContainerdMessages.messages(answer.readableBytesView, field: 1).last else {
                return nil
            }
            return try ContainerdMessages.info(message)?.size
        }
    }

    /// All content that is whole, with its size.
    package func content() async throws(GRPCError) -> [Digest: Int64] {
        let all = Mutex<[Digest: Int64]>([:])
        try await client.stream(
            "containerd.services.content.v1.Content/List", [], within: .seconds(60)
        ) { message throws(GRPCError) in
            try understand { () throws(ProtobufError) in
                for message in try ContainerdMessages.messages(message.readableBytesView, field: 1) {
                    guard let info = try ContainerdMessages.info(message) else { continue }
                    all.withLock { $0[info.digest] = info.size }
                }
            }
        }
        return all.withLock { $0 }
    }

    /// A piece of content. One that does not come within 15 seconds is given up: whoever waits for the bytes asks others.
    /// - Parameter length: in bytes; more than the limit of a message is read in several.
    package func read(_ digest: Digest, at offset: Int64, length: Int) async throws(GRPCError) -> ByteBuffer? {
        let bytes = Mutex(ByteBuffer())
        let isFound: Void? = try await found { () throws(GRPCError) in
            try await client.stream(
                "containerd.services.content.v1.Content/Read",
                ContainerdMessages.read(digest, offset: offset, size: Int64(length)), within: .seconds(15)
            ) { message throws(GRPCError) in
                try understand { () throws(ProtobufError) in
                    for data in try ContainerdMessages.messages(message.readableBytesView, field: 2) {
                        bytes.withLock { _ = $0.writeBytes(data) }
                    }
                }
                guard bytes.withLock({ $0.readableBytes }) <= length else { throw .tooLarge(limitBytes: length) }
            }
        }
        return isFound == nil ? nil : bytes.withLock { $0 }
    }

    // MARK: Events

    /// Calls `receive` for each change of an image or of content in this namespace, until cancellation.
    /// - Parameter began: called once the subscription was sent.
    package func events(
        began: @escaping @Sendable () -> Void, receive: @escaping @Sendable () -> Void
    ) async throws(GRPCError) {
        let namespace = namespace
        try await client.stream(
            "containerd.services.events.v1.Events/Subscribe",
            ContainerdMessages.filters([#"topic~="^/(images|content)/""#]), within: nil, began: began
        ) { message throws(GRPCError) in
            let origin = try understand { () throws(ProtobufError) in
                try ContainerdMessages.text(Array(message.readableBytesView)[...], field: 2)
            }
            if origin == namespace { receive() }
        }
    }

    // MARK: Introspection

    /// Where containerd keeps content; nil before 2.0, which does not tell.
    package func contentRoot() async throws(GRPCError) -> String? {
        let answer = try await client.unary(
            "containerd.services.introspection.v1.Introspection/Plugins",
            ContainerdMessages.filters(["type==io.containerd.content.v1"]))
        return try understand { () throws(ProtobufError) in
            for plugin in try ContainerdMessages.messages(answer.readableBytesView, field: 1) {
                guard try ContainerdMessages.text(plugin, field: 2) == "content" else { continue }
                return try ContainerdMessages.map(plugin, field: 5)["root"]
            }
            return nil
        }
    }

    /// Nil for what is not found.
    private func found<Answer>(_ call: () async throws(GRPCError) -> Answer) async throws(GRPCError) -> Answer? {
        do throws(GRPCError) {
            return try await call()
        } catch .status(GRPCStatus.notFound, _) {
            return nil
        }
    }
}

private func understand<Answer>(_ parse: () throws(ProtobufError) -> Answer) throws(GRPCError) -> Answer {
    do throws(ProtobufError) {
        return try parse()
    } catch {
        throw .malformed(error.description)
    }
}
