import FoundationEssentials

/// A certificate authority of a test's own, and what it issued.
struct Certificates {
    let machine: ClosedMachine
    let folder: String
    /// The authority's certificate.
    var authorityFile: String { "\(folder)/authority.crt" }

    struct Identity: Sendable {
        let certificateFile: String
        let keyFile: String
    }

    init(on machine: ClosedMachine, name: String = "authority") async throws {
        self.machine = machine
        folder = try machine.scratch.folder("certificates-\(name)")
        try await makeKey("authority")
        try await machine.succeed(
            "openssl",
            [
                "req", "-x509", "-new", "-key", "\(folder)/authority.key", "-subj", "/CN=Test Authority", "-days", "2",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
                "-out", "\(folder)/authority.crt",
            ])
    }

    /// Issues a certificate for 127.0.0.1, localhost and further IP addresses.
    func issue(_ name: String, addresses: [String] = []) async throws -> Identity {
        let names = (["IP:127.0.0.1", "DNS:localhost"] + addresses.map { "IP:\($0)" }).joined(separator: ",")
        try await makeKey(name)
        try await machine.succeed(
            "openssl",
            ["req", "-new", "-key", "\(folder)/\(name).key", "-subj", "/CN=\(name)", "-out", "\(folder)/\(name).csr"])
        try writeText(
            "subjectAltName=\(names)\nbasicConstraints=CA:FALSE\n", to: "\(folder)/\(name).ext")
        try await machine.succeed(
            "openssl",
            [
                "x509", "-req", "-in", "\(folder)/\(name).csr", "-CA", authorityFile,
                "-CAkey", "\(folder)/authority.key", "-CAcreateserial", "-days", "2",
                "-extfile", "\(folder)/\(name).ext", "-out", "\(folder)/\(name).crt",
            ])
        return Identity(certificateFile: "\(folder)/\(name).crt", keyFile: "\(folder)/\(name).key")
    }

    private func makeKey(_ name: String) async throws {
        try await machine.succeed(
            "openssl",
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "\(folder)/\(name).key"])
    }
}
