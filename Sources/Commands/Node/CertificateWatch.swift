internal import CredentialSources
internal import Logging

/// Has certificates read again where their files have changed: whoever replaces them, such as K3s or cert-manager, tells
/// nobody.
struct CertificateWatch: Sendable {
    let files: [String]
    var interval: Duration = .seconds(60)
    let logger: Logger
    /// Reads all of them again; throws where one cannot be used, and keeps what was there.
    let reload: @Sendable () throws -> Void

    /// Until it is cancelled. Files of which one is replaced after the other are tried again each time.
    func run() async {
        var known = fingerprints
        while true {
            do { try await Task.sleep(for: interval) } catch { return }
            let now = fingerprints
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

    private var fingerprints: [SecretFile.Fingerprint?] { files.map { try? SecretFile.fingerprint($0) } }
}
