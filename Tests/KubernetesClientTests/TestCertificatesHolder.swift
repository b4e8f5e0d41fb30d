import RegistryTestKit

/// One authority for all tests: making keys takes time.
enum TestCertificatesHolder {
    private static let made = Result { try TestCertificates(names: ["api.cluster.test"]) }

    static func shared() throws -> TestCertificates { try made.get() }
}
