/// This build's version, by https://semver.org.
package enum Version {
    package static let text = "0.1.0"

    /// How upstreams see us. RFC 9110, 10.1.5.
    static let userAgent = "weir/\(text)"
}
