internal import AsyncHTTPClient
internal import BlobStore
internal import HTTPFailures
internal import NIOCore
internal import OCI
internal import PeerRouting
internal import PullThroughCache

/// A blob on its way from a peer to a client: verified while it passes, and continued elsewhere when it breaks off.
///
/// The last byte that the client asked for is given out only after the whole had the right digest. A part of a blob is
/// cut from the whole therefore, from its first byte: nothing less can be verified.
actor PeerBlob: BlobContent {
    private let fetcher: PeerFetcher
    private let question: PeerQuestion
    private let digest: Digest
    nonisolated let size: Int64
    private var source: PeerSource
    private var body: HTTPClientResponse.Body.AsyncIterator?
    private var hasher: DigestHasher
    /// How much has been read and hashed.
    private var position: Int64 = 0
    /// The last of it.
    private var pending = ByteBuffer()
    private var isVerified = false
    /// Whoever has sent part of it.
    private var contributors: Set<PeerSource> = []
    private var excluded: Set<PeerSource> = []
    /// Whose word the announced length is.
    private let announcer: PeerSource
    /// Whoever has another length.
    private var dissenters: Set<PeerSource> = []
    private var resumptions = 0
    private var pace: TransferPace
    /// Whether the peer is so slow that others are worth asking.
    private var isSlow = false
    /// Whether the client has any of it.
    private var isGiven = false

    /// - Parameter response: the answer to `question`, from the blob's beginning.
    init(_ response: PeerResponse, question: PeerQuestion, fetcher: PeerFetcher) {
        self.fetcher = fetcher
        self.question = question
        digest = response.head.digest
        size = response.head.size
        source = response.source
        announcer = response.source
        body = response.body.makeAsyncIterator()
        hasher = DigestHasher(response.head.digest.algorithm)
        pace = Self.pace(fetcher)
    }

    func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
        let limit = min(limit, size)
        guard offset < limit else { return nil }
        while true {
            let start = position - Int64(pending.readableBytes)
            guard offset >= start else { throw PeerBlobError.outOfOrder }
            if offset < position {
                var bytes = pending
                bytes.moveReaderIndex(forwardBy: Int(offset - start))
                let count = Int(min(limit, position) - offset)
                let endsPart = offset + Int64(count) >= limit
                // All but the byte that ends the client's part may go before the whole is verified.
                if !endsPart || isVerified || count > 1 {
                    isGiven = true
                    return bytes.readSlice(length: endsPart && !isVerified ? count - 1 : count).map { .bytes($0) }
                }
                let last = bytes.readSlice(length: count)
                isGiven = true
                while !isVerified { try await readOn() }
                return last.map { .bytes($0) }
            }
            try await readOn()
        }
    }

    /// Reads and hashes the next bytes.
    private func readOn() async throws {
        let bytes = try await next()
        guard Int64(bytes.readableBytes) <= size - position else { return try convict() }
        bytes.withUnsafeReadableBytes { hasher.update($0) }
        position += Int64(bytes.readableBytes)
        pending = bytes
        contributors.insert(source)
        if source.kind == .peer { fetcher.metrics.record(bytes: bytes.readableBytes) }
        guard position == size else { return }
        guard hasher.finalize() == digest else { return try convict() }
        isVerified = true
        body = nil
        for source in dissenters { fetcher.note(.malformed("it has another length"), of: source) }
    }

    /// Nobody can say which of several has lied; so none of them is asked for a while. The central cache is believed as
    /// long as a peer may have done it. While the client has nothing of it yet, it all begins anew with others.
    private func convict() throws {
        let all = contributors.union([source])
        let peers = all.filter { $0.kind == .peer }
        let liars = peers.isEmpty ? all : peers
        for source in liars { fetcher.note(.wrongBytes, of: source) }
        body = nil
        guard !isGiven else { throw PeerBlobError.wrongBytes }
        excluded.formUnion(liars)
        excluded.subtract(all.subtracting(liars))
        // Whoever is left last has had its turn; that must not be the one who is believed.
        if let liar = liars.first { source = liar }
        contributors = []
        hasher = DigestHasher(digest.algorithm)
        position = 0
        pending = ByteBuffer()
    }

    /// The next bytes, wherever they come from; never none.
    private func next() async throws -> ByteBuffer {
        while true {
            if isSlow { try await goFaster() }
            if var iterator = body {
                body = nil
                let start = ContinuousClock.now
                do {
                    if let bytes = try await iterator.next(isolation: self) {
                        body = iterator
                        isSlow = pace.note(bytes.readableBytes, after: .now - start)
                        if bytes.readableBytes > 0 { return bytes }
                        continue
                    }
                    fetcher.note(.unreachable("broke off"), of: source)
                } catch {
                    try Task.checkCancellation()
                    fetcher.note(PeerFailure(HTTPFailure(error)), of: source)
                }
            }
            try await resume()
        }
    }

    private func resume() async throws {
        guard resumptions < fetcher.configuration.resumptionLimit else { throw PeerBlobError.nobodyHasTheRest }
        guard let response = try await rest() else { throw PeerBlobError.nobodyHasTheRest }
        try take(response)
    }

    /// Goes on with another peer where there is one. A slow one is better than none.
    private func goFaster() async throws {
        isSlow = false
        guard resumptions < fetcher.configuration.resumptionLimit, let response = try await rest() else { return }
        fetcher.note(.unreachable("too slow"), of: source)
        try take(response)
    }

    /// What has not come yet, from somebody who has not had a turn.
    private func rest() async throws -> PeerResponse? {
        try Task.checkCancellation()
        excluded.insert(source)
        resumptions += 1
        var question = question
        question.offset = position
        let response = await fetcher.open(question, key: RoutingKey(digest), excluding: excluded)
        try Task.checkCancellation()
        return response
    }

    private func take(_ response: PeerResponse) throws {
        source = response.source
        body = nil
        pace = Self.pace(fetcher)
        guard response.head.size == size else { return try disagree() }
        fetcher.metrics.recordResumption()
        body = response.body.makeAsyncIterator()
    }

    /// Somebody has the blob in another length than the one that was announced to the client. The central cache is
    /// believed, and so are two peers against one; until then nobody is accused.
    private func disagree() throws {
        dissenters.insert(source)
        guard source.kind == .central || dissenters.count > 1, announcer.kind == .peer else { return }
        fetcher.note(.wrongBytes, of: announcer)
        throw PeerBlobError.wrongBytes
    }

    private static func pace(_ fetcher: PeerFetcher) -> TransferPace {
        TransferPace(
            window: fetcher.configuration.slowWindow, bytesPerSecondMin: fetcher.configuration.slowBytesPerSecond)
    }
}

/// Why a blob from peers ends before its last byte; its client's connection is closed then.
package enum PeerBlobError: Error, Hashable, CustomStringConvertible {
    case wrongBytes
    case nobodyHasTheRest
    case outOfOrder

    package var description: String {
        switch self {
        case .wrongBytes: "a peer sent bytes that are not those of the digest"
        case .nobodyHasTheRest: "nobody has the rest of the blob"
        case .outOfOrder: "a blob from peers can be read in one direction only"
        }
    }
}
