internal import NIOCore
internal import OCI

/// A list of referrers as an image index. OCI Distribution 1.1, "Listing Referrers".
struct ReferrersIndex: Sendable, Hashable {
    var descriptors: [Descriptor]

    /// Only those of `artifactType`.
    func filtered(by artifactType: String) -> ReferrersIndex {
        ReferrersIndex(descriptors: descriptors.filter { $0.artifactType == artifactType })
    }

    /// The JSON of the index; an empty list is a valid answer.
    var bytes: ByteBuffer {
        let list = descriptors.map(Self.json).joined(separator: ",")
        return ByteBuffer(
            string: #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[\#(list)]}"#)
    }

    private static func json(_ descriptor: Descriptor) -> String {
        var json = #"{"mediaType":"\#(escapedForJSON(descriptor.mediaType.description))""#
        json += #","digest":"\#(descriptor.digest)","size":\#(descriptor.size)"#
        if let artifactType = descriptor.artifactType {
            json += #","artifactType":"\#(escapedForJSON(artifactType))""#
        }
        if !descriptor.annotations.isEmpty {
            let pairs = descriptor.annotations.sorted { $0.key < $1.key }.map {
                #""\#(escapedForJSON($0.key))":"\#(escapedForJSON($0.value))""#
            }
            json += #","annotations":{\#(pairs.joined(separator: ","))}"#
        }
        return json + "}"
    }
}
