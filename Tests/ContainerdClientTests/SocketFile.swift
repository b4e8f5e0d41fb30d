#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

func unlinkSocket(_ path: String) { unlink(path) }
