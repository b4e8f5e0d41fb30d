internal import Listening

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Tells whether files have changed without reading them. What a link leads to is looked at: a kubelet puts another
/// folder behind a mounted secret.
struct FileFingerprint: Equatable {
    private var values: [Int64] = []

    init(_ files: CertificateFiles) {
        for path in [files.certificateFile, files.keyFile] {
            var status = stat()
            guard stat(path, &status) == 0 else {
                values.append(-1)
                continue
            }
            values += [
                Int64(truncatingIfNeeded: status.st_ino), Int64(status.st_size), Int64(status.st_mtim.tv_sec),
                Int64(status.st_mtim.tv_nsec),
            ]
        }
    }
}
