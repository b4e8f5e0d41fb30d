internal import HTTPSemantics
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import PullThroughCache

extension Answer {
    /// A manifest, exactly as it was received.
    ///
    /// The client's `Accept` is not looked at: only one form of a manifest exists under its digest, and what a tag
    /// names is the upstream's decision, made when Weir asked for every type. A registry may answer so (RFC 9110,
    /// 12.5.1), and clients check the `Content-Type` that they get.
    init(_ manifest: ManifestAnswer, request: Request, cacheName: String) {
        let digest = manifest.digest.description
        if let field = request.fields.ifNoneMatch, IfNoneMatch(field).matches(EntityTag(digest)) {
            self.init(notModified: digest)
            add(manifest.status, cache: cacheName)
            return
        }
        let body: Body
        let length: Int64?
        switch (request.isHead, manifest.bytes) {
        case (true, let bytes):
            body = .none
            length = manifest.size ?? bytes.map { Int64($0.readableBytes) }
        case (false, let bytes?):
            body = .bytes(bytes)
            length = Int64(bytes.readableBytes)
        case (false, nil):
            self.init(status: 500, RegistryError(.unknown, "the manifest's bytes are missing"))
            return
        }
        self.init(status: .ok, contentType: manifest.mediaType.description, length: length, body: body)
        addIdentity(digest)
        add(manifest.status, cache: cacheName)
    }

    /// A blob, or the part of it that the request asks for.
    init(_ blob: BlobAnswer, request: Request, cacheName: String) {
        let digest = blob.digest.description
        let tag = EntityTag(digest)
        if let field = request.fields.ifNoneMatch, IfNoneMatch(field).matches(tag) {
            self.init(notModified: digest)
            addImmutability()
            add(blob.status, cache: cacheName)
            return
        }
        // A range is defined for GET alone (RFC 9110, 14.2).
        let decision =
            request.isHead
            ? RangeDecision.whole
            : RangeDecision(range: request.fields.range, ifRange: request.fields.ifRange, tag: tag, size: blob.size)
        switch decision {
        case .unsatisfiable:
            self.init(status: 416, RegistryError(.rangeInvalid, "the range is outside of the blob"))
            add(name: "Content-Range", value: ContentRange(range: nil, size: blob.size).description)
            add(blob.status, cache: cacheName)
            return
        case .whole:
            guard request.isHead || blob.size != nil || request.takesChunks else {
                self.init(
                    status: 505,
                    RegistryError(.unsupported, "the blob's size is not known yet, which needs HTTP/1.1 to be told"))
                return
            }
            self.init(
                status: .ok, contentType: MediaType.octetStream.description, length: blob.size,
                body: Self.body(of: blob, range: 0..<(blob.size ?? .max), request: request), reservingFields: 12)
        case .partial(let range):
            self.init(
                status: .partialContent, contentType: MediaType.octetStream.description, length: Int64(range.count),
                body: Self.body(of: blob, range: range, request: request), reservingFields: 12)
            add(name: "Content-Range", value: ContentRange(range: range, size: blob.size).description)
        }
        if !request.isHead, blob.content == nil {
            self.init(status: 500, RegistryError(.unknown, "the blob's content is missing"))
            return
        }
        add(name: "Accept-Ranges", value: "bytes")
        addIdentity(digest)
        addImmutability()
        add(blob.status, cache: cacheName)
    }

    private static func body(of blob: BlobAnswer, range: Range<Int64>, request: Request) -> Body {
        guard !request.isHead, let content = blob.content, !range.isEmpty else { return .none }
        return .content(content, range)
    }

    /// RFC 9110, 15.4.5: the fields that an answer 200 would have had, without those of its content.
    private init(notModified digest: String) {
        self.init(status: .notModified, contentType: nil, length: nil, body: .none)
        addIdentity(digest)
    }

    private mutating func addIdentity(_ digest: String) {
        add(name: "Docker-Content-Digest", value: digest)
        add(name: "ETag", value: "\"" + digest + "\"")
    }

    /// What a digest names never changes.
    private mutating func addImmutability() { add(name: "Cache-Control", value: "max-age=31536000") }
}
