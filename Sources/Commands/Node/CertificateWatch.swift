internal import Logging

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Has certificates read again where their files have changed: whoever replaces them, such as K3s or cert-manager, tells
/// nobody.
struct CertificateWatch: Sendable {
    /// What shows that a file is another, or has other content.
    struct Stamp: Hashable, Sendable {
        var device: UInt
        var file: UInt
        var size: Int
        var seconds: Int
        var nanoseconds: Int

        /// Of what `path` leads to; nil where there is nothing.
        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            (device, file, size) = (UInt(status.st_dev), UInt(status.st_ino), Int(status.st_size))
            (seconds, nanoseconds) = (Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec))
        }
    }

    let files: [String]
    var interval: Duration = .seconds(60)
    let logger: Logger
    /// Reads all of them again; throws where one cannot be used, and keeps what was there.
    let reload: @Sendable () throws -> Void

    /// Until it is cancelled. Files of which one is replaced after the other are tried again each time.
    func run() async {
        var known = stamps
        while true {
            do { try await Task.sleep(for: interval) } catch { return }
            let now = stamps
            guard now != known else { continue }
            do {
                try reload()
                known = now
                logger.info("the node's certificates were read again")
            } catch {
                logger.warning("the node's new certificates cannot be used", metadata: ["error": "\(error)"])
            }
        }
    }

    private var stamps: [Stamp?] { files.map { Stamp($0) } }
}
