internal import Hummingbird

/// The paths of a node's control server.
struct NodeRoutes: Sendable {
    let node: any ControlledNode

    func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.add(
            middleware: UnknownRoutes { path in
                guard path.hasPrefix("/v1/"), !path.hasPrefix("/v1/node/") else { return nil }
                return path == "/v1/reload"
                    ? "weir node takes new settings with a restart; there is nothing to reload"
                    : "this is the socket of weir node; use 'weir node status', 'weir node find' or 'weir node measure'"
            })
        let node = node
        router.get("/v1/node/status") { _, _ in
            await ControlRoutes.answer { () throws(ControlError) in try await node.status() }
        }
        router.get("/v1/node/find") { request, _ in
            await ControlRoutes.answer { () throws(ControlError) in
                try await node.find(try ControlRoutes.reference(request))
            }
        }
        router.post("/v1/node/measure") { request, _ in
            await ControlRoutes.answer { () throws(ControlError) in
                try await node.measure(try ControlRoutes.reference(request))
            }
        }
        router.get("/healthz") { _, _ in ControlRoutes.text("ok\n") }
        router.get("/readyz") { _, _ in
            guard let reason = await node.unreadiness() else { return ControlRoutes.text("ok\n") }
            return ControlRoutes.text("\(reason)\n", status: .serviceUnavailable)
        }
        router.get("/metrics") { _, _ in
            ControlRoutes.text(await node.metrics(), contentType: "text/plain; version=0.0.4; charset=utf-8")
        }
        return router
    }
}
