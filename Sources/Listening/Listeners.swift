package import NIOCore
package import NIOPosix

/// Opens the sockets that a server listens on.
package enum Listeners {
    /// All of `addresses`, or none.
    /// - Parameters:
    ///   - addresses: `HOST:PORT` each.
    ///   - setting: how they are given, for people: `with --listen`, or `as 'node.pages'`.
    package static func open(
        _ addresses: [String], setting: String = "with --listen", by bootstrap: ServerBootstrap
    ) async throws(ListeningError) -> [any Channel] {
        var listeners: [any Channel] = []
        for text in addresses {
            do throws(ListeningError) {
                listeners.append(try await open(text, setting, by: bootstrap))
            } catch {
                for listener in listeners { try? await listener.close() }
                throw error
            }
        }
        return listeners
    }

    private static func open(_ text: String, _ setting: String, by bootstrap: ServerBootstrap)
        async throws(ListeningError) -> any Channel
    {
        guard let address = ListenAddress(text) else {
            throw .cannotListen(address: text, reason: "an address reads HOST:PORT")
        }
        do {
            return try await bootstrap.bind(host: address.host, port: address.port).get()
        } catch {
            throw ListeningError(listeningOn: text, setting: setting, failedWith: error)
        }
    }
}
