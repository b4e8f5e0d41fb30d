internal import Listening

/// Why the server cannot serve.
package enum RegistryServerError: Error, Hashable, CustomStringConvertible {
    case cannotListen(address: String, reason: String)
    case cannotReadCertificate(file: String, reason: String)
    /// One of ``RegistryServer/Configuration/refreshAllowedFrom``.
    case malformedAddressBlock(String)

    package var description: String {
        switch self {
        case .cannotListen(let address, let reason):
            ListeningError.cannotListen(address: address, reason: reason).description
        case .cannotReadCertificate(let file, let reason):
            ListeningError.cannotReadCertificate(file: file, reason: reason).description
        case .malformedAddressBlock(let text):
            "'\(text)' is no block of addresses; write one like 10.0.0.0/8, fd00::/8 or 127.0.0.1"
        }
    }
}

extension RegistryServerError {
    init(_ error: ListeningError) {
        switch error {
        case .cannotListen(let address, let reason): self = .cannotListen(address: address, reason: reason)
        case .cannotReadCertificate(let file, let reason): self = .cannotReadCertificate(file: file, reason: reason)
        }
    }
}
