import NIOCore
import Testing

@testable import LibP2P

/// Who claims to be another, and who changes what others say.
struct ForgeryTests {
    /// The third message of a handshake whose sender says what it likes of itself.
    private static func lastMessage(
        answering second: [UInt8], by keys: NoiseKeys, saying payload: [UInt8]
    ) throws -> [UInt8] {
        var symmetric = NoiseSymmetricState()
        symmetric.mix(hash: keys.ephemeralPublic)
        symmetric.mix(hash: [])
        let remoteEphemeral = Array(second[..<32])
        symmetric.mix(hash: remoteEphemeral)
        symmetric.mix(key: try keys.shared(ephemeralWith: remoteEphemeral))
        let remoteStatic = try symmetric.openAndMix(Array(second[32..<80]))
        symmetric.mix(key: try keys.shared(ephemeralWith: remoteStatic))
        _ = try symmetric.openAndMix(Array(second[80...]))
        let sealedStatic = try symmetric.sealAndMix(keys.staticPublic)
        symmetric.mix(key: try keys.shared(staticWith: remoteEphemeral))
        return sealedStatic + (try symmetric.sealAndMix(payload))
    }

    private static func respond(to payload: (NoiseKeys) throws -> [UInt8]) throws -> PeerID? {
        let keys = NoiseKeys()
        var responder = NoiseHandshake(.responder, identity: try Identity(), muxers: [])
        guard case .reply(let second) = try responder.receive(keys.ephemeralPublic) else { return nil }
        let last = try lastMessage(answering: second, by: keys, saying: try payload(keys))
        guard case .finished(let outcome, _) = try responder.receive(last) else { return nil }
        return PeerID(outcome.remoteKey)
    }

    @Test func `who says another's key has to have signed with it, and for this very connection`() throws {
        let (victim, attacker) = (try Identity(), try Identity())
        func payload(_ key: PublicKey, _ signature: [UInt8]) -> [UInt8] {
            NoisePayload(identityKey: key.protobuf, signature: signature, muxers: nil).bytes
        }
        // What is refused below is the forgery alone.
        let honest = try Self.respond { keys in
            payload(attacker.publicKey, try attacker.sign(NoisePayload.signedMessage(staticKey: keys.staticPublic)))
        }
        #expect(honest == attacker.peerID)
        #expect(throws: NoiseError.forgedIdentity) {
            try Self.respond { keys in
                payload(victim.publicKey, try attacker.sign(NoisePayload.signedMessage(staticKey: keys.staticPublic)))
            }
        }
        // A signature that the victim gave in another handshake.
        let overheard = try victim.sign(NoisePayload.signedMessage(staticKey: NoiseKeys().staticPublic))
        #expect(throws: NoiseError.forgedIdentity) { try Self.respond { _ in payload(victim.publicKey, overheard) } }
        #expect(throws: NoiseError.forgedIdentity) { try Self.respond { _ in payload(victim.publicKey, []) } }
        #expect(throws: NoiseError.malformedPayload) { try Self.respond { _ in [0x0A, 0x00] } }
    }

    /// What may become of a frame on its way.
    enum Damage: CaseIterable {
        case changed, repeated, leftOut, emptied, cutShort
    }

    @Test(arguments: Damage.allCases)
    func `a frame within Noise that was tampered with ends the connection`(_ damage: Damage) throws {
        var pair = try MachinePair()
        _ = try pair.exchange()
        var frames: [[UInt8]] = []
        for value in UInt32(1)...2 {
            pair.dialer.session?.outbound.writeBytes(YamuxTests.frame(.ping, .syn, length: value))
            frames.append(Array(try #require(try pair.dialer.takeOutbound()).readableBytesView))
        }
        switch damage {
        case .changed: frames[0][frames[0].count / 2] ^= 1
        case .repeated: frames[1] = frames[0]
        case .leftOut: frames.removeFirst()
        case .emptied: frames[0] = [0, 0]
        case .cutShort: frames[0] = [0, 15] + frames[0].dropFirst(2).prefix(15)
        }
        let expected: NoiseError = [.emptied, .cutShort].contains(damage) ? .truncated : .notAuthentic
        #expect(throws: ConnectionError.noise(expected)) {
            for frame in frames { _ = try pair.listener.receive(ByteBuffer(bytes: frame), now: pair.now) }
        }
    }
}
