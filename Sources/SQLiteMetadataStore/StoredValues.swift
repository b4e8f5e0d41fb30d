internal import Foundation
internal import GRDB
internal import OCI
internal import Rules
internal import Timekeeping

/// A row holds what Weir never writes: the file was altered.
struct MalformedRow: Error {}

extension Digest {
    /// The algorithm's byte, and the digest's bytes.
    var stored: Data {
        var data = Data(capacity: 1 + algorithm.hexLength / 2)
        data.append(algorithm == .sha256 ? 1 : 2)
        var high: UInt8?
        for character in hex.utf8 {
            let nibble =
                character < UInt8(ascii: "a") ? character - UInt8(ascii: "0") : character - UInt8(ascii: "a") + 10
            if let first = high {
                data.append(first << 4 | nibble)
                high = nil
            } else {
                high = nibble
            }
        }
        return data
    }

    init(stored: Data) throws(MalformedRow) {
        let algorithm: Algorithm
        switch stored.first {
        case 1: algorithm = .sha256
        case 2: algorithm = .sha512
        default: throw MalformedRow()
        }
        let digits = Array("0123456789abcdef".utf8)
        var hex: [UInt8] = []
        hex.reserveCapacity(algorithm.hexLength)
        for byte in stored.dropFirst() {
            hex.append(digits[Int(byte >> 4)])
            hex.append(digits[Int(byte & 15)])
        }
        do {
            try self.init(algorithm: algorithm, hex: String(decoding: hex, as: UTF8.self))
        } catch {
            throw MalformedRow()
        }
    }
}

extension MediaType {
    /// Numbers of common media types, which nearly every row has one of. New ones go to the end; none is changed.
    private static let numbered: [String] = [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.artifact.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/octet-stream",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.empty.v1+json",
        "application/vnd.dev.cosign.simplesigning.v1+json",
        "application/vnd.in-toto+json",
    ]

    private static let numbers: [String: Int] = Dictionary(
        uniqueKeysWithValues: numbered.enumerated().map { ($1, $0 + 1) })

    /// A number, or the text of a type that has none.
    var stored: DatabaseValue { Self.numbers[description]?.databaseValue ?? description.databaseValue }

    init(stored value: DatabaseValue) throws(MalformedRow) {
        let text: String
        if let number = Int.fromDatabaseValue(value), case .int64 = value.storage {
            guard Self.numbered.indices.contains(number - 1) else { throw MalformedRow() }
            text = Self.numbered[number - 1]
        } else if let stored = String.fromDatabaseValue(value) {
            text = stored
        } else {
            throw MalformedRow()
        }
        guard let mediaType = MediaType(text) else { throw MalformedRow() }
        self = mediaType
    }
}

extension ManifestReference {
    var stored: DatabaseValue {
        switch self {
        case .tag(let tag): tag.description.databaseValue
        case .digest(let digest): digest.stored.databaseValue
        }
    }

    init(stored value: DatabaseValue) throws(MalformedRow) {
        switch value.storage {
        case .string(let text): self = .tag(try Tag(stored: text))
        case .blob(let data): self = .digest(try Digest(stored: data))
        default: throw MalformedRow()
        }
    }
}

extension Tag {
    init(stored: String) throws(MalformedRow) {
        do { try self.init(stored) } catch { throw MalformedRow() }
    }
}

extension RepositoryKey {
    init(storedRule rule: String, name: String) throws(MalformedRow) {
        do {
            self.init(rule: try RuleName(rule), name: try RepositoryName(name))
        } catch {
            throw MalformedRow()
        }
    }
}

extension Row {
    func digest(_ index: Int) throws(MalformedRow) -> Digest {
        guard let data = Data.fromDatabaseValue(value(index)) else { throw MalformedRow() }
        return try Digest(stored: data)
    }

    func mediaType(_ index: Int) throws(MalformedRow) -> MediaType? {
        let value = value(index)
        return value.isNull ? nil : try MediaType(stored: value)
    }

    func integer(_ index: Int) throws(MalformedRow) -> Int64 {
        guard let integer = optionalInteger(index) else { throw MalformedRow() }
        return integer
    }

    func optionalInteger(_ index: Int) -> Int64? { Int64.fromDatabaseValue(value(index)) }

    func timestamp(_ index: Int) throws(MalformedRow) -> Timestamp { Timestamp(milliseconds: try integer(index)) }

    func text(_ index: Int) throws(MalformedRow) -> String {
        guard let text = String.fromDatabaseValue(value(index)) else { throw MalformedRow() }
        return text
    }

    func value(_ index: Int) -> DatabaseValue { self[index] }
}
