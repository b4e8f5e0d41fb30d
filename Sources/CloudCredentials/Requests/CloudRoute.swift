/// How an endpoint of a cloud is reached.
package enum CloudRoute: Sendable, Hashable {
    case direct
    case through(CloudProxy)
    /// The setting cannot be read; nothing is contacted then, since going past a proxy may be forbidden.
    case closed(reason: String)
}

/// A proxy that knows `CONNECT`. Never printed whole.
package struct CloudProxy: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    let host: String
    let port: Int
    let username: String?
    let password: String?

    package init(host: String, port: Int, username: String? = nil, password: String? = nil) {
        self.host = host
        self.port = port
        self.username = username
        self.password = password
    }

    package var description: String { "\(host):\(port)" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
