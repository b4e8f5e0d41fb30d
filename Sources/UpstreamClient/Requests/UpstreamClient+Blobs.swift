internal import HTTPSemantics
internal import NIOCore
internal import NIOHTTP1
package import OCI
internal import Synchronization
package import Upstream

extension UpstreamClient {
    package func blobSize(
        _ digest: Digest, in repository: RepositoryName
    ) async throws(UpstreamError) -> Int64? {
        do throws(UpstreamError) {
            return try await perform(blobOperation(.HEAD, digest, repository)) { answer throws(Failure) in
                answer.contentLength
            }
        } catch .unexpectedStatus(405) {
            // Asked for one byte: the answer tells as much, and is dropped before more is sent.
            var operation = blobOperation(.GET, digest, repository)
            operation.headers.add(name: "Range", value: "bytes=0-0")
            return try await perform(operation) { answer throws(Failure) in
                guard answer.status == 206 else { return answer.contentLength }
                return answer.headers.first(name: "Content-Range").flatMap { ContentRange($0) }?.size
            }
        }
    }

    package func blob(
        _ digest: Digest, in repository: RepositoryName, from offset: Int64, to end: Int64?
    ) async throws(UpstreamError) -> BlobTransfer {
        precondition(offset >= 0 && end.map { $0 > offset } ?? true)
        var operation = blobOperation(.GET, digest, repository)
        if offset > 0 || end != nil {
            let last = end.map { String($0 - 1) } ?? ""
            operation.headers.add(name: "Range", value: "bytes=\(offset)-\(last)")
        }
        return try await perform(operation) { answer throws(Failure) in
            let extent = try BlobExtent(
                status: answer.status, contentLength: answer.contentLength,
                contentRange: answer.headers.first(name: "Content-Range"), offset: offset, end: end)
            let reader = BlobReader(answer, extent, of: digest, governor: connector.pacing.bandwidth)
            return BlobTransfer(
                offset: extent.offset, totalSize: extent.totalSize, body: BlobBody { { try await reader.next() } })
        }
    }

    private func blobOperation(_ method: HTTPMethod, _ digest: Digest, _ repository: RepositoryName) -> Operation {
        Operation(method: method, path: "blobs/\(digest)", repository: repository)
    }
}

/// Which part of a blob an answer holds. RFC 9110, 14.4 and 15.3.7.
struct BlobExtent: Hashable {
    /// Where the body begins in the blob.
    var offset: Int64
    /// What the body holds; nil where it is not said.
    var length: Int64?
    /// The whole blob; nil where it is not said.
    var totalSize: Int64?
    /// Where the part that was asked for ends; nil: with the blob.
    var end: Int64?

    /// Whether a body of the announced length leads to the end of what was asked for.
    var reachesEnd: Bool {
        guard let length, let end = end ?? totalSize else { return true }
        return offset + length >= min(end, totalSize ?? end)
    }
}

extension BlobExtent {
    /// - Parameters:
    ///   - offset: where the body was asked to begin.
    ///   - end: where it was asked to end; nil: with the blob.
    init(
        status: Int, contentLength: Int64?, contentRange: String?, offset: Int64, end: Int64? = nil
    ) throws(Failure) {
        self.end = end
        switch status {
        case 200:
            // The whole, whatever part was asked for.
            self.offset = 0
            length = contentLength
            totalSize = contentLength
        case 206:
            guard let field = contentRange.flatMap({ ContentRange($0) }), let range = field.range else {
                throw Failure(.malformedAnswer(reason: "it is a part, and does not say which"))
            }
            guard range.lowerBound == offset else {
                throw Failure(.malformedAnswer(reason: "it begins at another byte than was asked for"))
            }
            let size = range.upperBound - range.lowerBound
            guard contentLength == nil || contentLength == size else {
                throw Failure(.malformedAnswer(reason: "its length and its range contradict each other"))
            }
            self.offset = offset
            length = size
            totalSize = field.size
        default: throw Failure(.unexpectedStatus(status))
        }
    }
}

/// Hands on a blob's bytes, and sees to it that none is missing at the end and none is too many.
private final class BlobReader: Sendable {
    private let answer: Mutex<UpstreamAnswer?>
    private let extent: BlobExtent
    private let receivedBytes = Mutex<Int64>(0)
    private let digest: Digest
    /// Nil: as fast as it comes.
    private let governor: BandwidthGovernor?
    /// What came in one piece and has not had its turn under the governor.
    private let rest = Mutex(ByteBuffer())

    init(_ answer: UpstreamAnswer, _ extent: BlobExtent, of digest: Digest, governor: BandwidthGovernor?) {
        self.answer = Mutex(answer)
        self.extent = extent
        self.digest = digest
        self.governor = governor
    }

    func next() async throws(UpstreamError) -> ByteBuffer? {
        guard let governor else { return try await received() }
        var piece = rest.withLock { $0 }
        if piece.readableBytes == 0 {
            guard let new = try await received() else { return nil }
            piece = new
        }
        let slice = piece.readSlice(length: min(piece.readableBytes, governor.sliceBytes)) ?? ByteBuffer()
        rest.withLock { [piece] in $0 = piece.readableBytes > 0 ? piece : ByteBuffer() }
        do { try await governor.admit(slice.readableBytes, of: digest) } catch { throw .cancelled }
        return slice
    }

    private func received() async throws(UpstreamError) -> ByteBuffer? {
        guard let answer = answer.withLock({ $0 }) else { return nil }
        let piece: ByteBuffer?
        do throws(Failure) { piece = try await answer.next() } catch { throw error.error }
        let total = receivedBytes.withLock { received in
            received += Int64(piece?.readableBytes ?? 0)
            return received
        }
        guard let piece else {
            // The connection is done with; holding on to it would only keep memory.
            self.answer.withLock { $0 = nil }
            guard extent.length.map({ $0 == total }) ?? true, extent.reachesEnd else { throw .truncated }
            return nil
        }
        if let length = extent.length, total > length {
            throw .malformedAnswer(reason: "it is longer than it said")
        }
        return piece
    }
}
