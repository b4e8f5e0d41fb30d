package import BlobStore
package import Logging
internal import NIOCore
package import NodeContent
package import OCI
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The images of the containerd on this machine. Nothing of them is kept here but what names what.
package final class ContainerdContent: NodeContent {
    /// Where containerd keeps content unless it says otherwise.
    package static let standardRoot = "/var/lib/containerd/io.containerd.content.v1.content"

    private let api: ContainerdAPI
    private let configuredRoot: String?
    private let logger: Logger
    private let root = Mutex(Root())
    private let walk = Mutex(ImageWalk())

    private struct Root {
        var path: String?
        var isMissingSaid = false
    }

    /// - Parameter contentRoot: its content directory, mounted here; nil asks containerd, and takes what it says where
    ///   that can be read.
    package init(api: ContainerdAPI, contentRoot: String?, logger: Logger) {
        self.api = api
        configuredRoot = contentRoot
        self.logger = logger
    }

    /// The directory that content is read from; nil where it comes through containerd.
    package var contentRoot: String? { root.withLock { $0.path } }

    package func digest(
        of tag: Tag, in repository: RepositoryName, of registry: RegistryHost
    ) async throws(NodeContentError) -> Digest? {
        do throws(GRPCError) {
            return try await api.image("\(registry)/\(repository):\(tag)")?.target
        } catch {
            throw NodeContentError(error)
        }
    }

    package func open(_ digest: Digest) async throws(NodeContentError) -> (any BlobReader)? {
        let size: Int64?
        do throws(GRPCError) {
            // Files of all namespaces lie in one directory: that one is there says nothing.
            size = try await api.size(of: digest)
        } catch {
            throw NodeContentError(error)
        }
        guard let size else { return nil }
        if let root = contentRoot,
            let file = ContentFile(path: "\(root)/blobs/\(digest.algorithm.rawValue)/\(digest.hex)", size: size)
        {
            return file
        }
        return ContentStream(api: api, digest: digest, size: size)
    }

    package func images() async throws(NodeContentError) -> [NodeImage] {
        let images: [ContainerdImage]
        let present: [Digest: Int64]
        do throws(GRPCError) {
            images = try await api.images()
            present = try await api.content()
        } catch {
            throw NodeContentError(error)
        }
        // A new containerd makes its directory with the first image.
        if contentRoot == nil, !present.isEmpty, let root = await findRoot() {
            logger.info("content is read from its directory now", metadata: ["content": "\(root)"])
        }
        var walk = walk.withLock { $0 }
        // What was read stays known where the rest cannot be read now.
        defer { self.walk.withLock { [walk] in $0 = walk } }
        var list: [NodeImage] = []
        for image in images {
            guard let reference = try? ImageReference(image.name) else { continue }
            let digests = try await walk.digests(from: image.target) {
                present[$0] != nil
            } read: { digest async throws(NodeContentError) in
                try await manifest(digest, size: present[digest])
            }
            list.append(
                NodeImage(
                    registry: reference.registry, repository: reference.repository,
                    tag: reference.digest == nil ? reference.tag : nil, digests: digests))
        }
        walk.keep(Set(present.keys))
        return list
    }

    /// Nil for what is gone, or too large to be a manifest.
    private func manifest(_ digest: Digest, size: Int64?) async throws(NodeContentError) -> [UInt8]? {
        guard let size, size <= ImageWalk.manifestLimitBytes else { return nil }
        do throws(GRPCError) {
            return try await api.read(digest, at: 0, length: Int(size)).map { Array($0.readableBytesView) }
        } catch {
            throw NodeContentError(error)
        }
    }

    package func follow(_ changed: @escaping @Sendable () -> Void) async throws(NodeContentError) {
        do throws(GRPCError) {
            let version = try await api.version()
            let root = await findRoot()
            logger.info(
                "containerd answers",
                metadata: ["version": "\(version)", "content": "\(root ?? "through containerd")"])
        } catch {
            throw NodeContentError(error)
        }
        let result = await withTaskGroup(of: Result<Void, GRPCError>?.self) { group in
            group.addTask { [api] in
                do throws(GRPCError) {
                    return .success(try await api.events(began: changed, receive: changed))
                } catch {
                    return .failure(error)
                }
            }
            // containerd does not say when the subscription counts; by then it does.
            group.addTask {
                try? await Task.sleep(for: .seconds(2))
                changed()
                return nil
            }
            while let next = await group.next() {
                guard let next else { continue }
                group.cancelAll()
                return next
            }
            return .success(())
        }
        guard case .failure(let error) = result else { throw .unavailable("containerd ended the events") }
        throw NodeContentError(error)
    }

    /// Looks where content can be read, and keeps what it finds; warns once where a directory that is configured cannot
    /// be.
    private func findRoot() async -> String? {
        var candidates: [String] = []
        if let configuredRoot {
            candidates = [configuredRoot]
        } else {
            if let told = (try? await api.contentRoot()) ?? nil { candidates.append(told) }
            candidates.append(Self.standardRoot)
        }
        let found = candidates.first { access("\($0)/blobs", R_OK | X_OK) == 0 }
        let isNews = root.withLock { root in
            defer { root = Root(path: found, isMissingSaid: found == nil) }
            return !root.isMissingSaid
        }
        if found == nil, isNews, let configuredRoot {
            logger.warning(
                "the content directory cannot be read, or has no content yet", metadata: ["path": "\(configuredRoot)"])
        }
        return found
    }
}

extension NodeContentError {
    fileprivate init(_ error: GRPCError) {
        switch error {
        case .unavailable, .status, .timedOut: self = .unavailable("containerd: \(error)")
        case .malformed, .tooLarge: self = .malformed("containerd: \(error)")
        }
    }
}
