internal import OCI

/// The time of modification that a committed file is given, so that one `fstat` tells whether it was touched since.
///
/// It follows from digest and size: whoever writes to the file, or cuts it, moves its time to the present, and a copy
/// that keeps times keeps the seal. Whole even seconds between 2001 and 2018, which the coarsest file systems and
/// archives can keep, and which no clock that is right gives to a later write.
struct Seal: Hashable {
    let seconds: Int

    init(digest: Digest, size: Int64) {
        let prefix = UInt64(digest.hex.prefix(16), radix: 16) ?? 0
        // Fibonacci hashing spreads the size over the upper bits.
        let mixed = (prefix ^ UInt64(bitPattern: size)) &* 0x9E37_79B9_7F4A_7C15
        seconds = 978_307_200 + 2 * Int(mixed >> 36)
    }

    func isIntact(_ status: FileStatus) -> Bool {
        status.modifiedSeconds == seconds && status.modifiedNanoseconds == 0
    }

    /// Seals a file. The permissions are a hint to people; a file system without any is none the worse.
    func apply(to file: OpenFile) throws(SystemFailure) {
        try? file.setPermissions(0o444)
        try file.setModified(seconds: seconds)
    }
}
