#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

enum UnixTime {
    /// In seconds.
    static var now: Int64 { Int64(time(nil)) }
}
