import Foundation
import FoundationNetworking
import Glibc
import NIOCore
import RegistryTestKit
import Testing

@testable import Commands

/// `weir node` as a process of its own, and a thousand clients at once.
@Suite(.timeLimit(.minutes(1))) struct NodeCrowdTests {
    private static let count = 1000
    private static let blobBytes = 512 << 10
    /// What a node may take for a thousand clients that do not read on: 48 KiB for each. It takes half of that; pieces of
    /// blobs in memory would make it 70.
    private static let growthLimitBytes = 48 << 20

    private struct Short: Error {
        let what: String
    }

    /// A client that asks, and reads when it is told to.
    private final class Client {
        private let descriptor: Int32

        init(port: Int) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { throw Short(what: "socket: \(errno)") }
            // Nothing here waits for ever.
            var limit = timeval(tv_sec: 30, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 else {
                close(descriptor)
                throw Short(what: "connect: \(errno)")
            }
        }

        deinit { close(descriptor) }

        func ask(_ target: String) throws {
            let request = Array("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
            guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
                throw Short(what: "send: \(errno)")
            }
        }

        /// Reads a whole answer, and says what is wrong with it; nil where it is 200 with `body`.
        func fault(expecting body: [UInt8], into buffer: inout [UInt8]) -> String? {
            var count = 0
            var start: Int?
            while start.map({ count < $0 + body.count }) ?? true {
                let read = buffer.withUnsafeMutableBytes {
                    recv(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count, 0)
                }
                guard read > 0 else { return "it ended after \(count) bytes: \(read < 0 ? errno : 0)" }
                count += read
                start = start ?? Self.end(ofHead: buffer[..<count])
            }
            guard let start, count == start + body.count, buffer.starts(with: Array("HTTP/1.1 200 ".utf8)) else {
                return "it is another answer"
            }
            // Of arrays a debug build compares a megabyte in a second.
            let isSame = buffer.withUnsafeBytes { bytes in
                body.withUnsafeBytes { body in
                    guard let left = bytes.baseAddress, let right = body.baseAddress else { return false }
                    return memcmp(left + start, right, body.count) == 0
                }
            }
            return isSame ? nil : "the bytes are others"
        }

        private static func end(ofHead bytes: ArraySlice<UInt8>) -> Int? {
            let limit = min(bytes.count, 4096)
            guard limit >= 4 else { return nil }
            return (4...limit).first { bytes[($0 - 4)..<$0].elementsEqual([13, 10, 13, 10]) }
        }
    }

    /// On a thread of its own, since it waits for sockets.
    private func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Swift.Result(catching: body)) }
        }
    }

    /// A figure of `/proc/PID/status`, in bytes.
    private static func memory(_ name: String, of process: pid_t) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        let words = try #require(line).split { $0 == " " || $0 == "\t" }
        return try #require(Int(words[1])) << 10
    }

    /// As many sockets as the clients need.
    private static func raiseDescriptorLimit() throws {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        try #require(getrlimit(resource, &limit) == 0)
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
        try #require(limit.rlim_cur > 2 * UInt(count))
    }

    /// A node with the image's content in its store.
    private func withNode(_ body: (RunningWeir, Int, TestImage) async throws -> Void) async throws {
        let folder = try Folder()
        let image = try await TestRegistry.withRunning { registry async throws in
            let image = registry.addImage(repository: "a/b", tag: "1", layerSizes: [Self.blobBytes])
            let serving = try RunningWeir(
                serving: folder,
                yaml: """
                    wellKnownRegistries: false
                    rules: { lab: { registry: "\(registry.url)", host: made-up.example } }
                    """)
            let url = try await serving.url()
            for path in ["manifests/1"] + image.images.map({ "manifests/\($0.manifest.digest)" })
                + image.blobs.map({ "blobs/\($0.digest)" })
            {
                let address = try #require(URL(string: "\(url)/v2/lab/a/b/\(path)"))
                let (_, response) = try await URLSession.shared.data(from: address)
                try #require((response as? HTTPURLResponse)?.statusCode == 200, "\(path)")
            }
            #expect(await serving.end() == 0)
            return image
        }
        try folder.write(
            """
            storage: { directory: store }
            wellKnownRegistries: false
            rules: { lab: { registry: "http://127.0.0.1:1", host: made-up.example } }
            node:
              listen: 127.0.0.1:0
              store: { enabled: true }
              directory: identity
              socket: node.sock
              pages: []
              peers: { listen: [/ip4/127.0.0.1/tcp/0] }
            """)
        let node = try RunningWeir(["node", "--config", "weir.yaml"], in: folder)
        let port = try #require(try await node.url().split(separator: ":").last.flatMap { Int($0) })
        try await body(node, port, image)
        #expect(await node.end() == 0, "\(node.errors)")
    }

    @Test func `a thousand clients at once are all answered, in bounded memory, and others beside them`() async throws {
        try Self.raiseDescriptorLimit()
        try await withNode { node, port, image in
            let layer = image.images[0].layers[0]
            let body = Array(layer.bytes.readableBytesView)
            let target = "/v2/a/b/blobs/\(layer.digest)?ns=made-up.example"
            let process = node.processIdentifier
            // What the first answer makes is made.
            let first = try await onThread { () throws -> String? in
                let client = try Client(port: port)
                var buffer = [UInt8](repeating: 0, count: body.count + 4096)
                try client.ask(target)
                return client.fault(expecting: body, into: &buffer)
            }
            #expect(first == nil)
            let before = try Self.memory("VmRSS", of: process)
            let faults = try await onThread { () throws -> [String] in
                var clients: [Client] = []
                var buffer = [UInt8](repeating: 0, count: body.count + 4096)
                for _ in 0..<Self.count { clients.append(try Client(port: port)) }
                for client in clients { try client.ask(target) }
                // Beside those that have asked and do not read.
                let ordinary = try Client(port: port)
                let start = ContinuousClock.now
                try ordinary.ask(target)
                var faults = [ordinary.fault(expecting: body, into: &buffer)]
                let time = ContinuousClock.now - start
                if time > .seconds(20) { faults.append("the ordinary one took \(time)") }
                for client in clients { faults.append(client.fault(expecting: body, into: &buffer)) }
                // On a connection that has been used.
                try clients[0].ask(target)
                faults.append(clients[0].fault(expecting: body, into: &buffer))
                return faults.compactMap(\.self)
            }
            #expect(faults.isEmpty, "\(faults.count): \(faults.prefix(3))")
            let growth = try Self.memory("VmHWM", of: process) - before
            #expect(growth < Self.growthLimitBytes, "\(growth >> 10) KiB")
        }
    }
}
