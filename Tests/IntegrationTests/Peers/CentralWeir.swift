import LibP2P
import PeerGrants

/// A central Weir that the nodes of a cluster reach, with an image of a private repository, and grants for nodes.
struct CentralWeir {
    static let address = "10.77.0.254"
    static let repository = "team/app"
    static let host = "made-up.example"
    private static let lifetime = "60s"

    let machine: ClosedMachine
    let weir: WeirProcess
    let image: ImageLayout
    let signer: Identity

    var reference: String { "\(Self.host)/\(Self.repository):\(image.tag)" }

    /// Starts a registry with the image, and Weir in front of it.
    /// - Parameter granted: the numbers of the nodes that may have it.
    init(on machine: ClosedMachine, granted: [Int]) async throws {
        self.machine = machine
        let registry = try await RealRegistry(on: machine)
        image = try await ImageFactory(machine: machine).make("app")
        try await registry.push(image, as: Self.repository)
        var rule = WeirConfiguration.Rule(name: "lab", registry: registry.origin)
        rule.host = Self.host
        var configuration = WeirConfiguration(rules: [rule])
        configuration.host = "0.0.0.0"
        configuration.port = 5003
        configuration.grants = try Self.grants(granted, known: 1...4, on: machine)
        weir = try WeirProcess(on: machine, configuration, name: "central")
        try await weir.start()
        signer = try IdentityFile(path: "\(weir.directory)/grants.key").loadOrCreate()
    }

    /// The identity of a node, which it starts with.
    func identity(ofNode number: Int) throws -> Identity { try Self.identity(ofNode: number, on: machine) }

    private static func identity(ofNode number: Int, on machine: ClosedMachine) throws -> Identity {
        try IdentityFile(path: "\(try machine.scratch.folder("node\(number)"))/private.key").loadOrCreate()
    }

    private static func grants(
        _ granted: [Int], known: ClosedRange<Int>, on machine: ClosedMachine
    ) throws -> WeirConfiguration.Grants {
        var nodes: [String: [String]] = [:]
        for number in known {
            let node = try identity(ofNode: number, on: machine).peerID
            nodes["\(node)"] = granted.contains(number) ? ["\(host)/team/*"] : []
        }
        return WeirConfiguration.Grants(lifetime: lifetime, privateScopes: ["\(host)/team/*"], nodes: nodes)
    }

    /// From now on nodes with higher numbers get no grants; what was granted before counts until it expires.
    func knowNobody(beyond last: Int) async throws {
        var configuration = weir.configuration
        configuration.grants = try Self.grants(Array(1...last), known: 1...last, on: machine)
        try weir.configure(configuration)
        try await weir.reload()
    }

    /// What a node's configuration says of it.
    /// - Parameter address: from which the node's containerd asks it.
    func settings(ofNodeAt address: String) -> String {
        """
          central: http://\(Self.address):\(weir.configuration.port)
          grants:
            keys: ["\(GrantKey(signer))"]
            localClients: [127.0.0.0/8, \(address)/32]
        """
    }
}
