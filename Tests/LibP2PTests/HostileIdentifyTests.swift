import NIOCore
import ProtobufCoding
import Testing

@testable import LibP2P

/// Peers that have proved who they are, and say of themselves what nobody should.
@Suite(.timeLimit(.minutes(1)))
struct HostileIdentifyTests {
    /// What a peer answers when it is asked who it is.
    enum Answer: CaseIterable {
        case plain, signedRecord, anotherPeersKey, noKey, garbage, cutShort, tooLong, tooMany, crowded

        /// How many addresses are learned; nil where nothing at all is.
        var addressCount: Int? {
            switch self {
            case .plain, .signedRecord: 1
            case .tooMany: IdentifyMessage.messageCountMax
            case .crowded: IdentifyMessage.addressCountMax
            case .noKey, .anotherPeersKey, .garbage, .cutShort, .tooLong: nil
            }
        }

        func messages(of key: PublicKey) throws -> [[UInt8]] {
            let plain = try HostileIdentifyTests.message(key)
            switch self {
            case .plain: return [plain]
            case .signedRecord:
                // Go's fields of today and of tomorrow, of every wire type.
                var more = ProtobufWriter()
                more.bytes([UInt8](repeating: 0xEE, count: 4000), field: 8)
                more.varint(7, field: 99)
                return [
                    more.bytes + plain + [0xA9, 0x06] + [UInt8](repeating: 1, count: 8) + [0xAD, 0x06, 1, 2, 3, 4]
                ]
            case .anotherPeersKey: return [try HostileIdentifyTests.message(try Identity().publicKey)]
            case .noKey: return [[0x0A, 0x02, 0x08, 0x01] + plain.dropFirst(2 + key.protobuf.count)]
            case .garbage: return [[0xFF, 0xFF]]
            case .cutShort: return [plain.dropLast()]
            case .tooLong:
                return [plain + [0x42, 0xFF, 0x3F] + [UInt8](repeating: 1, count: IdentifyMessage.messageLimitBytes)]
            case .tooMany: return [[UInt8]](repeating: plain, count: 50)
            case .crowded:
                let address = try Multiaddr("/ip4/10.0.0.1/tcp/5001").bytes
                let addresses = Array(repeatElement([0x12, UInt8(address.count)] + address, count: 500).joined())
                return [plain + addresses, plain + addresses]
            }
        }
    }

    /// With one address and one protocol.
    static func message(_ key: PublicKey) throws -> [UInt8] {
        var writer = ProtobufWriter()
        writer.bytes(key.protobuf, field: 1)
        writer.bytes(try Multiaddr("/ip4/10.0.0.1/tcp/5001").bytes, field: 2)
        writer.string("/echo", field: 3)
        return writer.bytes
    }

    private static func frames(_ messages: [[UInt8]]) -> ByteBuffer {
        messages.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer(LengthPrefixedDecoder.frame($1)) }
    }

    @Test(arguments: Answer.allCases)
    func `of what a peer says of itself no more is kept than is proper`(_ answer: Answer) async throws {
        let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
        let bytes = Self.frames(try answer.messages(of: b.identity.publicKey))
        b.handle(IdentifyMessage.protocolID) { stream in try await stream.write(bytes) }
        try await RunningHosts.with(a, b) {
            let connection = try await a.connect(to: b.peerID, at: try await b.boundAddresses())
            // To its end, beside what the host asks by itself.
            await a.identify(connection)
            let learned = a.identified(b.peerID)
            #expect(learned?.listenAddresses.count == answer.addressCount)
            if answer.addressCount != nil { #expect(learned?.protocols == ["/echo"]) }
            _ = try await a.ping(b.peerID, limit: .seconds(10))
            #expect(a.connectionCount == 1, "the connection is as good as before")
        }
    }

    @Test(arguments: Answer.allCases)
    func `nor of what it says unasked`(_ answer: Answer) async throws {
        let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
        try await RunningHosts.with(a, b) {
            let connection = try await a.connect(to: b.peerID, at: try await b.boundAddresses())
            await a.identify(connection)
            let before = try #require(a.identified(b.peerID))
            let stream = try await b.openStream(to: a.peerID, protocolID: IdentifyMessage.pushProtocolID)
            defer { stream.release() }
            // Who has heard enough ends the stream before everything is said.
            try? await stream.write(Self.frames(try answer.messages(of: b.identity.publicKey)))
            stream.closeWrite()
            while let bytes = try? await stream.read() { #expect(bytes.readableBytes == 0, "there is no answer") }
            let after = a.identified(b.peerID)
            if let count = answer.addressCount {
                #expect(after?.listenAddresses.count == count && after?.protocols == ["/echo"])
            } else {
                #expect(after == before)
            }
            _ = try await a.ping(b.peerID, limit: .seconds(10))
        }
    }
}
