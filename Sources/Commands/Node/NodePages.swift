internal import ControlServer
internal import KademliaRouting
internal import Listening
internal import RegistryServer

/// What a node shows over HTTP beside images.
struct NodePages: Sendable {
    typealias Page = @Sendable (PageQuery) async -> OperationalAnswer

    let controller: NodeController

    /// On the registry's own port, as Spegel has them.
    var probes: [String: Page] {
        let controller = controller
        return [
            "/livez": { _ in OperationalAnswer(body: "ok\n") },
            "/healthz": { _ in OperationalAnswer(body: "ok\n") },
            "/readyz": { _ in
                guard let reason = await controller.unreadiness() else { return OperationalAnswer(body: "ok\n") }
                return OperationalAnswer(status: 500, body: "\(reason)\n")
            },
        ]
    }

    var operations: [String: Page] {
        let controller = controller
        return probes.merging([
            "/metrics": { _ in
                .metrics(await controller.metrics())
            }
        ]) { $1 }
    }

    /// With the page for people, under Spegel's path as well.
    var all: [String: Page] {
        let controller = controller
        let page: Page = { query in
            .html(await Self.page(controller, query))
        }
        return operations.merging([
            "/": page, "/debug/web": page, "/debug/web/": page,
            "/debug/web/stats": { _ in .html(await Self.statusSection(controller)) },
            "/debug/web/measure": { query in
                guard let reference = Self.reference(in: query) else {
                    return .html("<p>image name cannot be empty</p>", status: 400)
                }
                return .html(await Self.findings(of: reference, isMeasured: true, controller))
            },
            "/debug/web/metadata": { _ in
                let id = (try? await controller.status())?.identity ?? ""
                return OperationalAnswer(contentType: "application/json", body: "{\"libp2p\":{\"id\":\"\(id)\"}}\n")
            },
            "/status.json": { _ in
                let status = try? await controller.status()
                let text = status.flatMap { try? ControlJSON.encode($0, isPretty: true) }
                return OperationalAnswer(contentType: "application/json", body: text ?? "{}\n")
            },
        ]) { $1 }
    }

    /// Where other nodes ask who is here.
    var bootstrap: [String: Page] {
        let controller = controller
        return [
            "/id": { _ in
                OperationalAnswer(
                    contentType: "application/json",
                    body: String(decoding: controller.addressInformation.json, as: UTF8.self))
            }
        ]
    }

    /// - Parameter setting: how another address is given, for people.
    static func configuration(_ listen: [String], setting: String = "with --listen") -> RegistryServer.Configuration {
        var configuration = RegistryServer.Configuration(
            listen: listen, connectionLimit: 256, drainTimeout: .seconds(1), logsAccess: false)
        configuration.listenSetting = setting
        return configuration
    }

    // MARK: The page

    private static func page(_ controller: NodeController, _ query: PageQuery) async -> String {
        let reference = reference(in: query)
        var body = await statusSection(controller) + form(reference)
        if let reference { body += await findings(of: reference, isMeasured: query["measure"] != nil, controller) }
        return """
            <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>weir node</title>
            <meta name="viewport" content="width=device-width"><style>
            body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
            pre{background:#8881;padding:.8rem;border-radius:.4rem;overflow:auto}input{font:inherit;padding:.3rem}
            :root{color-scheme:light dark}</style></head><body><h1>weir node</h1>\(body)</body></html>\n
            """
    }

    private static func reference(in query: PageQuery) -> String? {
        query["image"].flatMap { $0.isEmpty ? nil : String($0.prefix(512)) }
    }

    private static func statusSection(_ controller: NodeController) async -> String {
        (try? await controller.status()).map { section("Node", NodeText.status($0)) } ?? ""
    }

    private static func findings(
        of reference: String, isMeasured: Bool, _ controller: NodeController
    ) async -> String {
        do throws(ControlError) {
            return isMeasured
                ? section("Pull of \(reference)", NodeText.measurement(try await controller.measure(reference)))
                : section("Who has \(reference)", NodeText.findings(try await controller.find(reference)))
        } catch {
            return section(reference, error.message)
        }
    }

    private static func form(_ reference: String?) -> String {
        """
        <form><label>Image or digest <input name="image" size="60" value="\(escaped(reference ?? ""))"></label>
        <button>Find</button> <button name="measure" value="1">Measure a pull</button></form>
        """
    }

    private static func section(_ title: String, _ text: String) -> String {
        "<h2>\(escaped(title))</h2><pre>\(escaped(text))</pre>"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}

extension OperationalAnswer {
    fileprivate static func html(_ body: String, status: Int = 200) -> OperationalAnswer {
        OperationalAnswer(status: status, contentType: "text/html; charset=utf-8", body: body)
    }
}
