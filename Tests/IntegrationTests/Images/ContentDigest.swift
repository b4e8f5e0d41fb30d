import Crypto
import FoundationEssentials

/// `sha256:` and the digest of `bytes`. Not the product's own code, since it is what that code is judged by.
func contentDigest(_ bytes: Data) -> String {
    let hexadecimal = SHA256.hash(data: bytes).map { byte in
        let digits = String(byte, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
    }
    return "sha256:" + hexadecimal.joined()
}

/// Bytes that no compression shortens.
func random(_ count: Int) throws -> Data {
    try readBytes("/dev/urandom", limit: count)
}
