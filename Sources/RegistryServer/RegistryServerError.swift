/// Why the server cannot serve.
package enum RegistryServerError: Error, Hashable, CustomStringConvertible {
    case cannotListen(address: String, reason: String)
    case cannotReadCertificate(file: String, reason: String)
    /// One of ``RegistryServer/Configuration/refreshAllowedFrom``.
    case malformedAddressBlock(String)

    package var description: String {
        switch self {
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .cannotReadCertificate(let file, let reason): "cannot read the certificate or key \(file): \(reason)"
        case .malformedAddressBlock(let text):
            "'\(text)' is no block of addresses; write one like 10.0.0.0/8, fd00::/8 or 127.0.0.1"
        }
    }
}
