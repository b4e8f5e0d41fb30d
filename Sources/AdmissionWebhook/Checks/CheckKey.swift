package import ImageRewriting
internal import OCI

/// One question to a registry: whether an image is there, for platforms, as seen with some secrets.
package struct CheckKey: Sendable, Hashable {
    package var image: String
    package var check: UpstreamCheck
    /// In the order in which they are tried.
    package var secrets: [PullSecretName]
}

package enum CheckVerdict: Sendable, Hashable {
    case passes
    /// It is not there, not for these platforms, or not for these credentials.
    case fails(String)
    /// It could not be found out.
    case unknown(String)
}

/// A secret of type `kubernetes.io/dockerconfigjson`.
package struct PullSecretName: Sendable, Hashable, CustomStringConvertible {
    package var namespace: String
    package var name: String

    package init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }

    package var description: String { "\(namespace)/\(name)" }

    /// Whether an API server could have such a secret: a DNS subdomain (RFC 1123), so that it is a path's component
    /// too.
    package static func isName(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count), text.first != ".", text.last != "." else { return false }
        return text.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: ".")
        }
    }
}
