/// What a manifest in an index runs on. OCI Image 1.1, "image index", `platform`.
package struct Platform: Sendable, Hashable, CustomStringConvertible {
    package let os: String
    package let architecture: String
    package let variant: String?

    package init(os: String, architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    /// Parses `os/architecture[/variant]`; see ``init(checking:architecture:variant:)``.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 3 * (Self.partLimit + 1) else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard (2...3).contains(parts.count) else { return nil }
        self.init(checking: parts[0], architecture: parts[1], variant: parts.count == 3 ? parts[2] : nil)
    }

    /// Returns nil unless each part is 1 to 64 characters of printable ASCII without a slash, since platforms stand
    /// in logs and tables.
    package init?(checking os: String, architecture: String, variant: String?) {
        guard ([os, architecture] + (variant.map { [$0] } ?? [])).allSatisfy(Self.isPart) else { return nil }
        self.init(os: os, architecture: architecture, variant: variant)
    }

    private static let partLimit = 64

    private static func isPart(_ text: String) -> Bool {
        (1...partLimit).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "/") }
    }

    package var description: String {
        variant.map { "\(os)/\(architecture)/\($0)" } ?? "\(os)/\(architecture)"
    }
}
