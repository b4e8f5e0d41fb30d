import Glibc
import NIOCore
import Testing

@testable import LibP2P

/// A peer that shakes hands properly and then does what it likes, on a blocking socket.
final class RawPeer {
    private let descriptor: Int32
    var machine: ConnectionMachine

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        machine = ConnectionMachine(.dialer, settings: ConnectionSettings(identity: try Identity()))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isConnected = withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) == 0 }
        }
        try #require(isConnected)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { close(descriptor) }

    func shakeHands() throws {
        while !machine.isEstablished {
            guard try flush() else { throw ConnectionError.closed }
            let bytes = try #require(receive())
            _ = try machine.receive(ByteBuffer(bytes: bytes), now: .now())
        }
        guard try flush() else { throw ConnectionError.closed }
    }

    /// Sends what the machine has to say; false where the other side has closed, or takes nothing for 10 s.
    func flush() throws -> Bool {
        guard let buffer = try machine.takeOutbound() else { return true }
        var rest = Array(buffer.readableBytesView)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// What has come; nil where the other side has closed, or says nothing for 10 s.
    func receive() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes.prefix(count)) : nil
    }
}
