import Testing

@testable import RegistryServer

@Suite struct RouteTests {
    @Test(arguments: [
        ("/v2", Route.base),
        ("/v2/", .base),
        ("/v2/_catalog", .catalog),
        ("/v2/a/manifests/latest", .manifest(name: "a", reference: "latest")),
        ("/v2/a/b/c/manifests/sha256:ab", .manifest(name: "a/b/c", reference: "sha256:ab")),
        ("/v2/a/blobs/sha256:ab", .blob(name: "a", digest: "sha256:ab")),
        ("/v2/a/tags/list", .tags(name: "a")),
        ("/v2/a/referrers/sha256:ab", .referrers(name: "a", digest: "sha256:ab")),
        ("/v2/a/manifests/b/manifests/c", .manifest(name: "a/manifests/b", reference: "c")),
        ("/v2/a/blobs/manifests/c", .manifest(name: "a/blobs", reference: "c")),
        ("/v2/manifests/tags/list", .tags(name: "manifests")),
        ("/v2/tags/list/tags/list", .tags(name: "tags/list")),
        ("/v2/a/tags/manifests/list", .manifest(name: "a/tags", reference: "list")),
        ("/v2/a/manifests/", .manifest(name: "a", reference: "")),
        ("/v2/../manifests/x", .manifest(name: "..", reference: "x")),
        ("/v2/a//manifests/x", .manifest(name: "a/", reference: "x")),
        ("/v2/manifests/x", .unknown),
        ("/v2//manifests/x", .unknown),
        ("/v2/tags/list", .unknown),
        ("/v2/a/tags/other", .unknown),
        ("/v2/a/blobs/uploads/", .unknown),
        ("/v2/a/blobs/uploads/1234", .unknown),
        ("/v2/a", .unknown),
        ("/v2/a/", .unknown),
        ("/v2/_catalog/", .unknown),
        ("/v2//", .unknown),
        ("/", .operation(path: "/")),
        ("/healthz", .operation(path: "/healthz")),
        ("/v20/x", .operation(path: "/v20/x")),
        ("/v1/_ping", .operation(path: "/v1/_ping")),
    ])
    func `a path leads to its endpoint, read from the right`(_ path: String, _ route: Route) {
        #expect(Route(path: path) == route)
    }
}
