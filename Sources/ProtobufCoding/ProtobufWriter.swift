/// Writes the fields of one protobuf message in the order of the calls.
package struct ProtobufWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func varint(_ value: UInt64, field: UInt64) {
        bytes += Varint.encode(field << 3)
        bytes += Varint.encode(value)
    }

    package mutating func bytes(_ value: some Collection<UInt8>, field: UInt64) {
        bytes += Varint.encode(field << 3 | 2)
        bytes += Varint.encode(value.count)
        bytes += value
    }

    package mutating func string(_ value: String, field: UInt64) { bytes(Array(value.utf8), field: field) }
}
