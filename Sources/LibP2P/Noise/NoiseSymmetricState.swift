internal import Crypto

/// What both sides of a handshake have mixed so far: `SymmetricState` of the Noise specification, section 5.2.
struct NoiseSymmetricState: Sendable {
    private var chainingKey: [UInt8]
    private(set) var hash: [UInt8]
    private var cipher: NoiseCipher?

    init() {
        // Exactly 32 bytes, so that it stands for its own hash.
        hash = Array("Noise_XX_25519_ChaChaPoly_SHA256".utf8)
        chainingKey = hash
        // The prologue is empty.
        mix(hash: [])
    }

    mutating func mix(hash bytes: [UInt8]) { hash = Array(SHA256.hash(data: hash + bytes)) }

    mutating func mix(key material: [UInt8]) {
        let (first, second) = derive(material)
        chainingKey = first
        cipher = NoiseCipher(key: second)
    }

    mutating func sealAndMix(_ plaintext: [UInt8]) throws(NoiseError) -> [UInt8] {
        let ciphertext = try cipher?.seal(plaintext, authenticating: hash) ?? plaintext
        mix(hash: ciphertext)
        return ciphertext
    }

    mutating func openAndMix(_ ciphertext: [UInt8]) throws(NoiseError) -> [UInt8] {
        let plaintext = try cipher?.open(ciphertext, authenticating: hash) ?? ciphertext
        mix(hash: ciphertext)
        return plaintext
    }

    /// The ciphers of both directions, the initiator's first.
    func split() -> (NoiseCipher, NoiseCipher) {
        let (first, second) = derive([])
        return (NoiseCipher(key: first), NoiseCipher(key: second))
    }

    private func derive(_ material: [UInt8]) -> ([UInt8], [UInt8]) {
        let output = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: material), salt: chainingKey, info: [UInt8](), outputByteCount: 64)
        let bytes = output.withUnsafeBytes { Array($0) }
        return (Array(bytes[..<32]), Array(bytes[32...]))
    }
}
