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
        // As bytes, after ip(7): which of several modules owns the structure depends on the order of the build.
        var address = [UInt8](repeating: 0, count: 16)
        withUnsafeBytes(of: sa_family_t(AF_INET)) { address.replaceSubrange(0..<2, with: $0) }
        withUnsafeBytes(of: UInt16(port).bigEndian) { address.replaceSubrange(2..<4, with: $0) }
        address.replaceSubrange(4..<8, with: [127, 0, 0, 1])
        let isConnected = address.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            return connect(descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
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
