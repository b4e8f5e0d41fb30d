/// What of a pod says which images it uses. Decoded from the API server's own document; nothing else of it is kept.
package struct PodImages: Sendable, Hashable, Decodable {
    package struct Use: Sendable, Hashable {
        /// As the pod's specification writes it.
        package var image: String
        /// What the runtime says it runs (`status.containerStatuses[].imageID`); empty while it does not.
        package var imageID: String

        package init(image: String, imageID: String = "") {
            self.image = image
            self.imageID = imageID
        }
    }

    package var namespace: String
    package var name: String
    /// The node that it runs on, or will.
    package var node: String?
    /// The addresses of that node, as the node itself tells them (`status.hostIPs`); none before it has taken the pod.
    package var hostAddresses: [String]
    /// Neither succeeded nor failed: its images are wanted.
    package var isUsingImages: Bool
    package var uses: [Use]

    package init(
        namespace: String, name: String, node: String? = nil, hostAddresses: [String] = [], isUsingImages: Bool = true,
        uses: [Use]
    ) {
        self.namespace = namespace
        self.name = name
        self.node = node
        self.hostAddresses = hostAddresses
        self.isUsingImages = isUsingImages
        self.uses = uses
    }

    private enum Keys: String, CodingKey { case metadata, spec, status }

    private struct Metadata: Decodable {
        var name: String
        var namespace: String?
    }

    private struct Container: Decodable {
        var name: String?
        var image: String?
    }

    private struct Volume: Decodable {
        struct Image: Decodable { var reference: String? }
        var image: Image?
    }

    private struct Specification: Decodable {
        var nodeName: String?
        var containers: [Container]?
        var initContainers: [Container]?
        var ephemeralContainers: [Container]?
        var volumes: [Volume]?
    }

    private struct ContainerStatus: Decodable {
        var name: String?
        var image: String?
        var imageID: String?
    }

    private struct Status: Decodable {
        struct Address: Decodable { var ip: String? }
        var phase: String?
        var hostIP: String?
        var hostIPs: [Address]?
        var containerStatuses: [ContainerStatus]?
        var initContainerStatuses: [ContainerStatus]?
        var ephemeralContainerStatuses: [ContainerStatus]?
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        let metadata = try container.decode(Metadata.self, forKey: .metadata)
        let specification = try container.decodeIfPresent(Specification.self, forKey: .spec)
        let status = try container.decodeIfPresent(Status.self, forKey: .status)
        name = metadata.name
        namespace = metadata.namespace ?? ""
        node = specification?.nodeName.flatMap { $0.isEmpty ? nil : $0 }
        let addresses = [status?.hostIP] + (status?.hostIPs ?? []).map(\.ip)
        hostAddresses = addresses.reduce(into: []) { found, address in
            guard let address, !address.isEmpty, address.utf8.count <= 64, found.count < 4, !found.contains(address)
            else { return }
            found.append(address)
        }
        isUsingImages = status?.phase != "Succeeded" && status?.phase != "Failed"
        let pairs = [
            (specification?.containers, status?.containerStatuses),
            (specification?.initContainers, status?.initContainerStatuses),
            (specification?.ephemeralContainers, status?.ephemeralContainerStatuses),
        ]
        var uses: [Use] = []
        for (containers, statuses) in pairs {
            let identifiers = Dictionary(
                (statuses ?? []).map { ($0.name ?? "", $0.imageID ?? "") }, uniquingKeysWith: { first, _ in first })
            for container in containers ?? [] {
                guard let image = container.image, !image.isEmpty else { continue }
                uses.append(Use(image: image, imageID: identifiers[container.name ?? ""] ?? ""))
            }
        }
        for volume in specification?.volumes ?? [] {
            guard let image = volume.image?.reference, !image.isEmpty else { continue }
            uses.append(Use(image: image))
        }
        self.uses = uses
    }
}

/// What of a node says what it can run.
package struct NodePlatform: Sendable, Hashable, Decodable {
    package var name: String
    package var os: String
    package var architecture: String

    private enum Keys: String, CodingKey { case metadata, status }
    private struct Metadata: Decodable { var name: String }
    private struct Status: Decodable {
        struct Information: Decodable {
            var operatingSystem: String?
            var architecture: String?
        }
        var nodeInfo: Information?
    }

    package init(name: String, os: String, architecture: String) {
        self.name = name
        self.os = os
        self.architecture = architecture
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        name = try container.decode(Metadata.self, forKey: .metadata).name
        let information = try container.decodeIfPresent(Status.self, forKey: .status)?.nodeInfo
        os = information?.operatingSystem ?? ""
        architecture = information?.architecture ?? ""
    }
}
