internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Why a server cannot take connections.
package enum ListeningError: Error, Hashable, CustomStringConvertible {
    case cannotListen(address: String, reason: String)
    case cannotReadCertificate(file: String, reason: String)

    package var description: String {
        switch self {
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .cannotReadCertificate(let file, let reason): "cannot read the certificate or key \(file): \(reason)"
        }
    }
}

extension ListeningError {
    /// What the system said when `address` was to be bound, in words that tell what to do.
    /// - Parameter setting: how another address is given: `with --listen`, or `as 'node.pages'`.
    init(listeningOn address: String, setting: String, failedWith error: any Error) {
        let reason: String
        switch error {
        case let error as IOError: reason = Self.reason(error.errnoCode, setting)
        case is SocketAddressError: reason = "its host is not known; give an address of this machine \(setting)"
        default: reason = "\(error)"
        }
        self = .cannotListen(address: address, reason: reason)
    }

    private static func reason(_ code: CInt, _ setting: String) -> String {
        switch code {
        case EADDRINUSE: "another process listens there; stop it, or choose another address \(setting)"
        case EADDRNOTAVAIL: "this machine has no such address; choose one that it has, or 0.0.0.0, \(setting)"
        case EACCES: "this user may not use that port; choose one from 1024 on \(setting)"
        default: strerror(code).map { String(cString: $0) } ?? "error \(code)"
        }
    }
}
