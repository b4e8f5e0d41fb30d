package import OCI
internal import ProtobufCoding

/// An image as containerd lists it.
package struct ContainerdImage: Sendable, Hashable {
    package let name: String
    package let target: Digest
}

/// The messages of containerd's services, as far as they are needed: fields that are not read are passed over.
///
/// `api/services/{images,content,events,introspection,version}/v1` of containerd; the numbers are the same from 1.6 to
/// 2.x.
enum ContainerdMessages {
    // MARK: Requests

    static func filters(_ filters: [String]) -> [UInt8] {
        var writer = ProtobufWriter()
        for filter in filters { writer.string(filter, field: 1) }
        return writer.bytes
    }

    /// A request whose first field is a name or a digest.
    static func named(_ name: String) -> [UInt8] { filters([name]) }

    static func read(_ digest: Digest, offset: Int64, size: Int64) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.string(digest.description, field: 1)
        if offset > 0 { writer.varint(UInt64(offset), field: 2) }
        if size > 0 { writer.varint(UInt64(size), field: 3) }
        return writer.bytes
    }

    // MARK: Answers

    /// Every message in `field`.
    static func messages(_ bytes: some Collection<UInt8>, field: UInt64) throws(ProtobufError) -> [ArraySlice<UInt8>] {
        var reader = ProtobufReader(Array(bytes))
        var list: [ArraySlice<UInt8>] = []
        while let next = try reader.next() {
            if next.number == field, case .bytes(let value) = next.value { list.append(value) }
        }
        return list
    }

    static func text(_ bytes: ArraySlice<UInt8>, field: UInt64) throws(ProtobufError) -> String? {
        try messages(bytes, field: field).last.map { String(decoding: $0, as: UTF8.self) }
    }

    static func number(_ bytes: ArraySlice<UInt8>, field: UInt64) throws(ProtobufError) -> Int64 {
        var reader = ProtobufReader(bytes)
        var number: Int64 = 0
        while let next = try reader.next() {
            if next.number == field, case .varint(let value) = next.value { number = Int64(bitPattern: value) }
        }
        return number
    }

    /// Nil where the target is no digest that we know.
    static func image(_ bytes: ArraySlice<UInt8>) throws(ProtobufError) -> ContainerdImage? {
        guard let name = try text(bytes, field: 1), let target = try messages(bytes, field: 3).last,
            let digest = try text(target, field: 2).flatMap({ try? Digest($0) })
        else { return nil }
        return ContainerdImage(name: name, target: digest)
    }

    /// The digest and the size of content.
    static func info(_ bytes: ArraySlice<UInt8>) throws(ProtobufError) -> (digest: Digest, size: Int64)? {
        guard let digest = try text(bytes, field: 1).flatMap({ try? Digest($0) }) else { return nil }
        return (digest, try number(bytes, field: 2))
    }

    /// A map's entries.
    static func map(_ bytes: ArraySlice<UInt8>, field: UInt64) throws(ProtobufError) -> [String: String] {
        var map: [String: String] = [:]
        for entry in try messages(bytes, field: field) {
            if let key = try text(entry, field: 1) { map[key] = try text(entry, field: 2) ?? "" }
        }
        return map
    }
}
