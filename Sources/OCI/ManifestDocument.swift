#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The parts of a manifest that matter, before they are compared with each other.
struct ManifestDocument {
    var schemaVersion: Int64?
    /// Nil where it is missing or empty.
    var mediaType: String?
    var artifactType: String?
    var config: DescriptorField?
    var layers: [DescriptorField]?
    var blobs: [DescriptorField]?
    var manifests: [DescriptorField]?
    /// Whether there is a field `manifests`, be it `null`.
    var hasManifests: Bool
    var subject: DescriptorField?
    /// Those whose value is a string.
    var annotations: [String: String]
    var hasFilesystemLayers: Bool

    /// Docker's schema 1 by any of its signs.
    var isSchema1: Bool {
        schemaVersion == 1 || hasFilesystemLayers || mediaType.flatMap { MediaType($0) }?.isSchema1 == true
    }

    /// Reads one JSON object in UTF-8 (RFC 8259, 8.1). Nesting is bounded by the decoder.
    init(_ bytes: some Sequence<UInt8>) throws(ManifestError) {
        let data = Data(bytes)
        // The decoder would also read UTF-16 and UTF-32, and skip a byte order mark; clients do none of this.
        guard let start = data.firstIndex(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }),
            data[start] == UInt8(ascii: "{"), start + 1 < data.endIndex, data[start + 1] != 0
        else { throw .notJSON }
        do {
            self = try JSONDecoder().decode(ManifestDocument.self, from: data)
        } catch let error as ManifestError {
            throw error
        } catch let error as DecodingError {
            throw Self.manifestError(for: error)
        } catch {
            throw .notJSON
        }
    }

    private static func manifestError(for error: DecodingError) -> ManifestError {
        let path: [any CodingKey] =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath
            case .keyNotFound(let key, let context): context.codingPath + [key]
            @unknown default: []
            }
        // The name is one of ours: it says where, and nothing that the sender made up.
        guard let field = path.first.flatMap({ CodingKeys(rawValue: $0.stringValue) }) else { return .notJSON }
        return .invalidDescriptor(field: field.rawValue)
    }
}

extension ManifestDocument: Decodable {
    enum CodingKeys: String, CodingKey {
        case schemaVersion, mediaType, artifactType, config, layers, blobs, manifests, subject, annotations, fsLayers
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        schemaVersion = try fields.integer(.schemaVersion)
        mediaType = try fields.decodeIfPresent(String.self, forKey: .mediaType).nonEmpty
        artifactType = fields.optionalString(.artifactType)
        config = try fields.decodeIfPresent(DescriptorField.self, forKey: .config)
        layers = try fields.descriptors(.layers)
        blobs = try fields.descriptors(.blobs)
        manifests = try fields.descriptors(.manifests)
        hasManifests = fields.contains(.manifests)
        subject = try fields.decodeIfPresent(DescriptorField.self, forKey: .subject)
        annotations = fields.annotations(.annotations)
        hasFilesystemLayers = try fields.contains(.fsLayers) && !fields.decodeNil(forKey: .fsLayers)
    }

    /// A descriptor as written.
    struct DescriptorField: Decodable {
        var mediaType: String?
        var digest: String
        var size: Int64
        var hasOtherSources: Bool
        var annotations: [String: String]
        var platform: Platform?
        var artifactType: String?

        enum CodingKeys: String, CodingKey { case mediaType, digest, size, urls, annotations, platform, artifactType }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            mediaType = try fields.decodeIfPresent(String.self, forKey: .mediaType)
            digest = try fields.decode(String.self, forKey: .digest)
            guard let size = try fields.integer(.size) else { throw fields.malformed(.size) }
            self.size = size
            hasOtherSources = fields.hasStrings(.urls)
            annotations = fields.annotations(.annotations)
            platform = fields.platform(.platform)
            artifactType = fields.optionalString(.artifactType)
        }

        func descriptor(in field: String) throws(ManifestError) -> Descriptor {
            guard (0...Descriptor.sizeLimitBytes).contains(size), let digest = try? Digest(digest) else {
                throw .invalidDescriptor(field: field)
            }
            return Descriptor(
                mediaType: mediaType.flatMap { MediaType($0) } ?? .octetStream, digest: digest, size: size,
                platform: platform, artifactType: artifactType, annotations: annotations,
                hasOtherSources: hasOtherSources)
        }
    }
}

extension Optional<String> {
    fileprivate var nonEmpty: String? { self == "" ? nil : self }
}

// What only describes is read where it makes sense, and otherwise left out.
extension KeyedDecodingContainer {
    fileprivate func optionalString(_ key: Key) -> String? {
        (try? decodeIfPresent(String.self, forKey: key)).flatMap(\.self).nonEmpty
    }

    /// A whole number; nil for `null` and where there is none. What is too large, or has a fraction, the decoder calls
    /// corrupted without saying where.
    fileprivate func integer(_ key: Key) throws -> Int64? {
        do { return try decodeIfPresent(Int64.self, forKey: key) } catch { throw malformed(key) }
    }

    fileprivate func malformed(_ key: Key) -> DecodingError {
        .dataCorruptedError(forKey: key, in: self, debugDescription: "")
    }

    /// A list of descriptors, counted before any is read.
    fileprivate func descriptors(_ key: Key) throws -> [ManifestDocument.DescriptorField]? {
        guard contains(key), try !decodeNil(forKey: key) else { return nil }
        var entries = try nestedUnkeyedContainer(forKey: key)
        let limit = Manifest.descriptorLimit
        guard entries.count.map({ $0 <= limit }) != false else {
            throw ManifestError.tooManyDescriptors(limit: limit)
        }
        var list: [ManifestDocument.DescriptorField] = []
        list.reserveCapacity(entries.count ?? 0)
        while !entries.isAtEnd { list.append(try entries.decode(ManifestDocument.DescriptorField.self)) }
        return list
    }

    fileprivate func annotations(_ key: Key) -> [String: String] {
        guard contains(key), let entries = try? decode([String: OptionalText].self, forKey: key) else { return [:] }
        return entries.compactMapValues(\.text)
    }

    fileprivate func hasStrings(_ key: Key) -> Bool {
        guard contains(key), let entries = try? decode([OptionalText].self, forKey: key) else { return false }
        return entries.contains { $0.text?.isEmpty == false }
    }

    fileprivate func platform(_ key: Key) -> Platform? {
        guard contains(key), let field = try? decode(PlatformField.self, forKey: key), let os = field.os,
            let architecture = field.architecture
        else { return nil }
        return Platform(checking: os, architecture: architecture, variant: field.variant)
    }
}

private struct PlatformField: Decodable {
    var os: String?
    var architecture: String?
    var variant: String?

    enum CodingKeys: String, CodingKey { case os, architecture, variant }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        os = fields.optionalString(.os)
        architecture = fields.optionalString(.architecture)
        variant = fields.optionalString(.variant)
    }
}

/// A string, or nil for a JSON value of any other kind.
private struct OptionalText: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws {
        text = try? decoder.singleValueContainer().decode(String.self)
    }
}
