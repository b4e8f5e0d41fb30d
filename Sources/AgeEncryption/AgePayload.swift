internal import Crypto
internal import FoundationEssentials

/// The encrypted content: STREAM with ChaCha20-Poly1305. age-encryption.org/v1, "Payload".
enum AgePayload {
    private static let chunkBytes = 64 << 10
    private static let tagBytes = 16
    private static let nonceBytes = 16

    static func decrypt(
        _ payload: ArraySlice<UInt8>, fileKey: SymmetricKey, limitBytes: Int
    ) throws(AgeError) -> [UInt8] {
        guard payload.count >= nonceBytes + tagBytes else { throw .payloadAltered }
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: fileKey, salt: payload.prefix(nonceBytes), info: Array("payload".utf8),
            outputByteCount: 32)
        var rest = payload.dropFirst(nonceBytes)
        let chunks = (rest.count + chunkBytes + tagBytes - 1) / (chunkBytes + tagBytes)
        guard rest.count - chunks * tagBytes <= limitBytes else { throw .payloadTooLarge(limitBytes: limitBytes) }
        var content: [UInt8] = []
        content.reserveCapacity(rest.count)
        var counter: UInt64 = 0
        while true {
            let chunk = rest.prefix(chunkBytes + tagBytes)
            rest = rest.dropFirst(chunk.count)
            let isLast = rest.isEmpty
            // An empty chunk is the whole of an empty content, and nothing else.
            guard chunk.count > tagBytes || (isLast && counter == 0 && chunk.count == tagBytes),
                let opened = open(chunk, with: key, counter: counter, isLast: isLast)
            else { throw .payloadAltered }
            content += opened
            if isLast { return content }
            counter += 1
        }
    }

    private static func open(
        _ chunk: ArraySlice<UInt8>, with key: SymmetricKey, counter: UInt64, isLast: Bool
    ) -> Data? {
        var nonce = [UInt8](repeating: 0, count: 12)
        for position in 0..<8 { nonce[10 - position] = UInt8(truncatingIfNeeded: counter >> UInt64(8 * position)) }
        nonce[11] = isLast ? 1 : 0
        guard let nonce = try? ChaChaPoly.Nonce(data: nonce),
            let box = try? ChaChaPoly.SealedBox(
                nonce: nonce, ciphertext: chunk.dropLast(tagBytes), tag: chunk.suffix(tagBytes))
        else { return nil }
        return try? ChaChaPoly.open(box, using: key)
    }
}
