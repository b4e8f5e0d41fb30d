import FoundationEssentials
import Glibc

/// Nodes in network namespaces of their own, on one bridge; each has its containerd and its `weir node`.
///
/// Nothing leads out: there is no upstream, unless a central Weir has one.
struct NodeCluster {
    struct Node {
        let number: Int
        var containerd: Containerd
        let process: MachineProcess
        let configuration: String
        /// What it shows others and whom it believes; nil for plain HTTP.
        let certificates: NodeCertificates?
        var network: String { "n\(number)" }
        var address: String { "10.77.0.\(number)" }
        var origin: String { "\(certificates == nil ? "http" : "https")://\(address):5000" }
    }

    struct Setup {
        /// Whether the nodes form a private network, as K3s's do.
        var isPrivate = false
        /// Whether nodes can read containerd's content directory; else content comes through containerd.
        var readsFiles = true
        /// What each node's link carries, as tc(8) writes it.
        var rate: String?
        /// Whether nodes ask each other and containerd for certificates, as K3s's do.
        var usesTLS = false
        /// Whether the others ask the first by HTTP who is there, and know no address of a peer.
        var asksByHTTP = false
    }

    let machine: ClosedMachine
    let nodes: [Node]
    /// Where there is one.
    let central: CentralWeir?
    /// Whoever signed the certificates of all nodes, where they have some.
    let authority: Certificates?
    private static let secret = String(repeating: "5a", count: 32)

    /// - Parameters:
    ///   - store: makes the first node a `weir serve` with that store, whose upstream is not there.
    ///   - central: makes the central Weir that nodes ask.
    static func with<Result>(
        _ count: Int, _ setup: Setup = Setup(),
        store: ((ClosedMachine) async throws -> String)? = nil,
        central: ((ClosedMachine) async throws -> CentralWeir)? = nil, _ body: (NodeCluster) async throws -> Result
    ) async throws -> Result {
        try await ClosedMachine.with { machine in
            let directory = try await store?(machine)
            let central = try await central?(machine)
            let authority = setup.usesTLS ? try await Certificates(on: machine) : nil
            try await connect(count, on: machine, rate: setup.rate)
            var nodes: [Node] = []
            for number in 1...count {
                nodes.append(
                    try await start(
                        number, on: machine, setup, store: number == 1 ? directory : nil, central: central,
                        authority: authority))
            }
            let cluster = NodeCluster(machine: machine, nodes: nodes, central: central, authority: authority)
            for node in nodes {
                try await eventually("node \(node.number) takes part", within: .seconds(60)) {
                    if let ending = node.process.ending {
                        throw MachineError.failed(
                            command: "weir node", ending: ending,
                            output: try readText(machine.logPath("node\(node.number)")))
                    }
                    let answer = try await cluster.weir(node, ["status", "--json"])
                    return answer.output.contains(#""isReady" : true"#)
                }
            }
            return try await body(cluster)
        }
    }

    private static func connect(_ count: Int, on machine: ClosedMachine, rate: String?) async throws {
        var script = """
            set -e
            ip link add br0 type bridge
            ip addr add \(CentralWeir.address)/24 dev br0
            ip link set br0 up

            """
        for number in 1...count {
            script += """
                ip netns add n\(number)
                ip link add v\(number) type veth peer name eth0 netns n\(number)
                ip link set v\(number) master br0 up
                ip -n n\(number) addr add 10.77.0.\(number)/24 dev eth0
                ip -n n\(number) link set eth0 up
                ip -n n\(number) link set lo up

                """
            if let rate {
                script +=
                    "ip netns exec n\(number) tc qdisc add dev eth0 root tbf rate \(rate) burst 64k latency 100ms\n"
            }
        }
        try await machine.succeed("sh", ["-c", script])
    }

    private static func start(
        _ number: Int, on machine: ClosedMachine, _ setup: Setup, store: String?, central: CentralWeir?,
        authority: Certificates?
    ) async throws -> Node {
        let containerd = try await Containerd(on: machine, name: "containerd\(number)", network: "n\(number)")
        let folder = try machine.scratch.folder("node\(number)")
        var certificates: NodeCertificates?
        if let authority {
            let own = NodeCertificates(folder: folder, address: "10.77.0.\(number)")
            try await own.write(from: authority)
            certificates = own
        }
        try containerd.useMirror(
            "\(certificates == nil ? "http" : "https")://10.77.0.\(number):5000", for: "made-up.example",
            certificates: authority, client: certificates?.client)
        let path = "\(folder)/weir.yaml"
        let content = setup.readsFiles ? "\(containerd.folder)/root/io.containerd.content.v1.content" : "/nonexistent"
        let service = store.map { directory in
            """
            listen: 10.77.0.\(number):5000
            storage: { directory: \(directory), limit: 1GiB }
            wellKnownRegistries: false
            control: { socket: \(folder)/control.sock }
            rules: { lab: { registry: "http://127.0.0.1:1", host: made-up.example } }

            """
        }
        try writeText(
            """
            \(service ?? "")
            node:
              store: { enabled: \(store != nil) }
              listen: 10.77.0.\(number):5000
            \(central?.settings(ofNodeAt: "10.77.0.\(number)") ?? "")
            \(certificates?.settings ?? "")
              containerd:
                socket: \(containerd.socket)
                namespace: \(machine.controlGroup)
                content: \(content)
              peers:
                listen: [/ip4/10.77.0.\(number)/tcp/5001]
                \(bootstrap(number, setup))
                \(setup.isPrivate ? "networkKey: \"\(secret)\"" : "")
              directory: \(folder)
              socket: \(folder)/node.sock
              pages: 127.0.0.1:9090
              spegelMetrics: true
            """, to: path)
        let process = try launch(store == nil ? "node" : "serve", number, path, on: machine)
        return Node(
            number: number, containerd: containerd, process: process, configuration: path, certificates: certificates)
    }

    private static func launch(
        _ command: String, _ number: Int, _ configuration: String, on machine: ClosedMachine
    ) throws -> MachineProcess {
        try machine.start(
            "nsenter",
            ["--net=/run/netns/n\(number)", try WeirProcess.binary, command, "--config", configuration],
            name: "node\(number)")
    }

    /// Starts a node that has ended; what it says stands in place of what it said before.
    func restart(_ node: Node) throws -> MachineProcess {
        try Self.launch("node", node.number, node.configuration, on: machine)
    }

    /// Where a node asks for its first peers.
    private static func bootstrap(_ number: Int, _ setup: Setup) -> String {
        guard setup.asksByHTTP else { return "bootstrap: [/ip4/10.77.0.1/tcp/5001]" }
        return number == 1 ? "bootstrapListen: 10.77.0.1:5002" : "bootstrapURL: http://10.77.0.1:5002/id"
    }

    /// A command of `weir node`.
    func weir(_ node: Node, _ arguments: [String]) async throws -> CommandResult {
        try await machine.run(try WeirProcess.binary, ["node"] + arguments + ["--config", node.configuration])
    }

    /// The sum of a metric's samples that have all these labels, `from="peer"`.
    func count(_ node: Node, _ metric: String, _ labels: [String] = []) async throws -> Int {
        try await page(node, "/metrics").split(separator: "\n").reduce(0) { sum, line in
            guard line.hasPrefix(metric), labels.allSatisfy({ line.contains($0) }),
                let value = line.split(separator: " ").last.flatMap({ Double($0) })
            else { return sum }
            return sum + Int(value)
        }
    }

    /// What a node's page says.
    func page(_ node: Node, _ path: String) async throws -> String {
        try await machine.succeed(
            "nsenter",
            ["--net=/run/netns/\(node.network)", "curl", "--silent", "--fail", "http://127.0.0.1:9090\(path)"])
    }

    /// Puts `image` on `node` as `made-up.example/library/NAME:multi`, and waits until others find it there.
    /// - Parameter others: who has to find it; nil for everybody.
    func place(
        _ image: ImageLayout, on node: Node, name: String = "x", foundBy others: [Node]? = nil
    ) async throws {
        let archive = "\(machine.scratch.path)/image-\(node.number).tar"
        try await machine.succeed("tar", ["-cf", archive, "-C", image.path, "."])
        try await node.containerd.load(archive, as: "made-up.example/library/\(name)")
        for other in others ?? nodes where other.number != node.number && other.process.ending == nil {
            try await eventually("node \(other.number) finds the image on node \(node.number)") {
                try await finds(node, from: other, name: name)
            }
        }
    }

    /// Cuts the cables between `nodes` and all others; among themselves they go on.
    func cut(_ nodes: [Node]) async throws {
        try await machine.succeed("ip", ["link", "add", "br1", "type", "bridge"])
        try await machine.succeed("ip", ["link", "set", "br1", "up"])
        for node in nodes {
            try await machine.succeed("ip", ["link", "set", "v\(node.number)", "master", "br1"])
        }
    }

    func heal(_ nodes: [Node]) async throws {
        for node in nodes {
            try await machine.succeed("ip", ["link", "set", "v\(node.number)", "master", "br0"])
        }
        try await machine.succeed("ip", ["link", "del", "br1"])
    }

    /// Whether `node` finds the image on `other`.
    func finds(_ other: Node, from node: Node, name: String = "x") async throws -> Bool {
        try await weir(node, ["find", "made-up.example/library/\(name):multi", "--json"]).output
            .contains(#""\#(other.address)""#)
    }

    /// Whether `others` are in the node's table.
    func knows(_ others: [Node], _ node: Node) async throws -> [Bool] {
        let status = try await weir(node, ["status", "--json"]).output
        return others.map { status.contains("/ip4/\($0.address)/") }
    }

    /// Bytes that a node has sent.
    func sent(by node: Node) async throws -> Int {
        let table = try await machine.succeed("cat", ["/proc/net/dev"])
        for line in table.split(separator: "\n") {
            let columns = line.split(whereSeparator: { $0 == " " || $0 == ":" })
            if columns.first == "v\(node.number)", columns.count > 1 { return Int(columns[1]) ?? 0 }
        }
        throw MachineError.unreadable(path: "v\(node.number) in /proc/net/dev")
    }

    func log(_ node: Node) -> String { (try? readText(machine.logPath("node\(node.number)"))) ?? "" }
}
