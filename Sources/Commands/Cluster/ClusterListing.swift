internal import ClusterImages
internal import KubernetesClient
internal import Logging

/// Reads the images in use from an API server once, without a service.
enum ClusterListing {
    /// - Throws: ``CommandFailure`` with what the server said.
    static func images(
        _ connection: ClusterConnection, namespace: String?
    ) async throws(CommandFailure) -> [(image: String, podCount: Int, namespaces: [String])] {
        let client = KubernetesClient(
            connection, userAgent: "weir/\(Version.text)",
            logger: Logger(label: "weir") { _ in SwiftLogNoOpLogHandler() })
        do throws(KubernetesError) {
            var table = ImageTable()
            table.beginListing()
            var token: String?
            repeat {
                let page = try await client.list(
                    .pods, of: PodImages.self, namespace: namespace, continueToken: token)
                for pod in page.items { table.put(pod) }
                token = page.continueToken
            } while token != nil
            await client.shutdown()
            return table.entries().map { ($0.use.image, $0.podCount, $0.namespaces) }
        } catch {
            await client.shutdown()
            throw CommandFailure(.failure, "the pods cannot be listed: \(error)")
        }
    }
}
