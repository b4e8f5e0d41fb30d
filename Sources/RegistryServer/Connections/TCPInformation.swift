/// The beginning of Linux's `struct tcp_info` (include/uapi/linux/tcp.h), which glibc's header does not have in
/// full.
struct TCPInformation {
    /// Eight bytes of states, and 24 counters of 32 bits.
    private var leading:
        (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
    private var pacingRate: UInt64
    private var pacingRateMax: UInt64
    /// Bytes of ours that the peer has acknowledged since the connection began (RFC 4898,
    /// tcpEStatsAppHCThruOctetsAcked).
    private(set) var bytesAcknowledged: UInt64
}
