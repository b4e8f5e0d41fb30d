import Foundation

/// What a node shows as a server and as a client, and whom it believes: files of its own, so that they can be replaced.
struct NodeCertificates {
    let folder: String
    /// By which peers and containerd reach it.
    let address: String

    /// What containerd and the tests' own requests show.
    var client: Certificates.Identity {
        Certificates.Identity(certificateFile: "\(folder)/client.crt", keyFile: "\(folder)/client.key")
    }

    /// As K3s's nodes are given them: one authority for servers, one for clients, here the same.
    var settings: String {
        """
          tls:
            certificate: \(folder)/node.crt
            key: \(folder)/node.key
            clientAuthority: \(folder)/authority.crt
            clientCertificate: \(client.certificateFile)
            clientKey: \(client.keyFile)
            authority: \(folder)/authority.crt
        """
    }

    /// Writes all of it, whatever was there before.
    func write(from authority: Certificates) async throws {
        let server = try await authority.issue("node-\(address)", addresses: [address])
        let client = try await authority.issue("client-\(address)")
        for (source, name) in [
            (server.certificateFile, "node.crt"), (server.keyFile, "node.key"), (client.certificateFile, "client.crt"),
            (client.keyFile, "client.key"), (authority.authorityFile, "authority.crt"),
        ] {
            try readBytes(source).write(to: URL(filePath: "\(folder)/\(name)"))
        }
    }
}
