package import Listening

/// Where a certificate comes from that is in no file, and that changes by itself: an authority of Weir's own, a secret.
package protocol CertificateProvider: Sendable {
    /// The certificate to begin with, as soon as there is one, and then each that takes its place. Ends with the task
    /// that iterates. What is given is not served before its key fits.
    func certificates() -> AsyncStream<CertificateMaterial>
}

/// What clients are shown.
package enum ServedCertificate: Sendable {
    /// Looked at every ``AdmissionServer/Configuration/certificateInterval``, and read again when they have changed.
    case files(CertificateFiles)
    case provider(any CertificateProvider)
}
