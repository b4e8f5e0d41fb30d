internal import HTTPSemantics
internal import OCI

/// Which bytes of a blob a request is answered with. RFC 9110, 14.2.
enum RangeDecision: Hashable {
    case whole
    case partial(Range<Int64>)
    case unsatisfiable

    /// - Parameters:
    ///   - size: in bytes; where it is not known every range is ignored, as a server may.
    ///   - ifRange: an entity tag or a date. Only the blob's own tag keeps the range: a blob has no date, and the
    ///     comparison is strong (RFC 9110, 13.1.5).
    init(range: String?, ifRange: String?, tag: EntityTag, size: Int64?) {
        guard let size, let request = range.flatMap({ RangeRequest($0) }),
            ifRange.map({ $0 == tag.description }) ?? true
        else {
            self = .whole
            return
        }
        guard let bytes = request.resolved(size: size) else {
            self = .unsatisfiable
            return
        }
        self = .partial(bytes)
    }
}
