#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The one line on standard output that says that clients can connect.
struct Announcement: Sendable {
    /// `weir 0.1.0 webhook`
    var program: String
    var scheme: String
    /// Said where somebody wants to know how long the start took.
    var start: ContinuousClock.Instant?

    /// Says it, and gives back what only the start needed.
    func make(_ addresses: [String]) {
        let urls = addresses.map { "\(scheme)://\($0)" }.joined(separator: ", ")
        let elapsed = start.map { " after \(DurationText.format(.now - $0))" } ?? ""
        writeFully("\(program) is ready on \(urls)\(elapsed)\n", to: STDOUT_FILENO)
        IdleMemory.release()
    }
}
