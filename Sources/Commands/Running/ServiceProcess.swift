internal import CAllocator

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What a service asks of the system for its process, before it makes threads.
enum ServiceProcess {
    static func prepare() {
        raiseDescriptorLimit()
        keepReceivedPages()
    }

    /// Takes as many descriptors as this user may have: each client and each blob being read needs one.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }

    /// Has the allocator keep up to 4 MiB of free memory for each of its arenas (mallopt(3)).
    ///
    /// A fill receives into buffers of up to 256 KiB, each of which lives until it is written and hashed. By default they
    /// are mapped anew and given back each time, and the kernel clears every page: a tenth of a fill's processor time.
    private static func keepReceivedPages() { weir_keep_free_memory(1 << 20, 4 << 20) }
}
