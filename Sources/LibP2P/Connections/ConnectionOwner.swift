internal import NIOCore

/// Who is told what happens on a connection, on its event loop.
protocol ConnectionOwner: Sendable {
    func connectionAccepted(stream id: UInt32, protocolID: String)
    func connectionPonged(after roundTrip: TimeAmount)
    /// The peer takes no more streams.
    func connectionIsGoing()
    /// Told once, after everything else.
    func connectionEnded(_ error: ConnectionError)
}
