internal import HTTPFailures
internal import HTTPSemantics
internal import OCI

/// What others are asked for.
struct PeerQuestion: Sendable, Hashable {
    enum Kind: String, Sendable, Hashable {
        case manifests
        case blobs
    }

    var registry: RegistryHost
    var repository: RepositoryName
    var kind: Kind
    var reference: ManifestReference
    var isHead = false
    /// Where a blob is to begin.
    var offset: Int64 = 0

    var path: String { "/v2/\(repository)/\(kind.rawValue)/\(reference)?ns=\(registry)" }
}

/// What the head of an answer says, once it is certain that it answers the question.
struct PeerHead: Sendable, Hashable {
    let digest: Digest
    /// Of the whole, in bytes.
    let size: Int64
    /// As it was said, for want of the bytes.
    let mediaType: MediaType?
}

/// Why an answer is of no use.
enum PeerFailure: Error, Hashable, CustomStringConvertible {
    /// No connection, a broken one, or no answer in time.
    case unreachable(String)
    /// One of the two does not believe the other's certificate, or has none.
    case untrusted(HTTPFailure.TLSFailure)
    case refused(status: Int)
    case malformed(String)
    case wrongBytes
    case tooLarge

    var description: String {
        switch self {
        case .unreachable(let reason): "no answer: \(reason)"
        case .untrusted(let failure): "no answer: TLS: \(failure)"
        case .refused(let status): "answered \(status)"
        case .malformed(let reason): "answered nonsense: \(reason)"
        case .wrongBytes: "sent bytes that are not those of the digest"
        case .tooLarge: "sent more than it may"
        }
    }

    init(_ failure: HTTPFailure) {
        switch failure {
        case .tls(.hungUp): self = .unreachable("\(failure)")
        case .tls(let failure): self = .untrusted(failure)
        default: self = .unreachable("\(failure)")
        }
    }

    var offence: PeerStanding.Offence {
        switch self {
        case .unreachable, .malformed: .failed
        case .untrusted: .tls
        // 416: of a blob whose length another peer gave, rightly or not.
        case .refused(let status): status == 404 || status == 416 ? .absent : .failed
        case .wrongBytes, .tooLarge: .lied
        }
    }
}

extension PeerHead {
    /// Judges the head of an answer.
    /// - Parameter field: a field's value by its name; nil where it is missing.
    init(
        status: Int, to question: PeerQuestion, field: (String) -> String?
    ) throws(PeerFailure) {
        guard status == 200 || status == 206 else { throw .refused(status: status) }
        let named: Digest?
        if let text = field("Docker-Content-Digest") {
            guard let digest = try? Digest(text) else { throw .malformed("its digest is none") }
            named = digest
        } else {
            named = nil
        }
        switch question.reference {
        case .digest(let wanted):
            guard named == nil || named == wanted else { throw .malformed("it has another digest") }
            digest = wanted
        case .tag:
            guard let named else { throw .malformed("it names no digest") }
            digest = named
        }
        mediaType = field("Content-Type").flatMap { MediaType($0) }
        if question.offset > 0 {
            guard status == 206, let range = field("Content-Range").flatMap({ ContentRange($0) }),
                let size = range.size, range.range == question.offset..<size
            else { throw .malformed("it does not begin where it should") }
            self.size = size
        } else {
            guard status == 200, let size = field("Content-Length").flatMap({ Int64($0) }), size >= 0,
                size <= Descriptor.sizeLimitBytes
            else { throw .malformed("it does not say its length") }
            self.size = size
        }
    }
}
