import Testing

extension RealPrograms {
    /// Upstreams that want to know who asks.
    @Suite(.serialized)
    struct AuthenticationTests {
        @Test(.needs(.openssl, .htpasswd, .nginx), .timeLimit(.minutes(2)), arguments: [false, true])
        func `an upstream with TLS and a token server is pulled from, with and without an account`(
            hasAccount: Bool
        ) async throws {
            try await Self.withProtected { machine, image, certificates in
                let account = hasAccount ? RealRegistry.Account.test : nil
                let tokens = try await TokenServer(
                    on: machine, certificates: certificates, repositories: ["library/x"], account: account)
                let registry = try await RealRegistry(
                    on: machine, storage: "shared", certificates: certificates, access: .tokens(tokens))
                let asked = try await Self.pullsTwice(from: registry, account: account, image: image)
                #expect(try tokens.server.requests().filter { $0.status == 200 }.count == 1, "one token for all")
                #expect(asked.filter { $0.status == 401 }.count <= 1, "one challenge: \(asked)")
            }
        }

        @Test(.needs(.openssl, .htpasswd), .timeLimit(.minutes(2)))
        func `an upstream with TLS and Basic authentication is pulled from`() async throws {
            try await Self.withProtected { machine, image, certificates in
                let registry = try await RealRegistry(
                    on: machine, storage: "shared", certificates: certificates, access: .account(.test))
                _ = try await Self.pullsTwice(from: registry, account: .test, image: image)
            }
        }

        @Test(.needs(.openssl, .htpasswd), .timeLimit(.minutes(2)))
        func `a wrong password gives the client an error, and no secret is logged`() async throws {
            try await Self.withProtected { machine, image, certificates in
                let registry = try await RealRegistry(
                    on: machine, storage: "shared", certificates: certificates, access: .account(.test))
                let wrong = RealRegistry.Account(name: "puller", password: "not-the-password")
                let weir = try Self.weir(on: machine, before: registry, account: wrong)
                try await weir.start()
                let answer = try await machine.request(
                    "\(weir.origin)/v2/library/x/manifests/multi",
                    fields: ["Authorization: Basic Y2xpZW50OmNsaWVudC1zZWNyZXQ="])
                #expect((400..<600).contains(answer.status))
                #expect(answer.text.contains("\"errors\""))
                #expect(!weir.log.contains("not-the-password"))
                #expect(!weir.log.contains("Y2xpZW50"))
            }
        }

        @Test(.needs(.openssl, .htpasswd), .timeLimit(.minutes(2)))
        func `a certificate of an unknown authority is refused`() async throws {
            try await Self.withProtected { machine, image, certificates in
                let registry = try await RealRegistry(on: machine, storage: "shared", certificates: certificates)
                let weir = try Self.weir(on: machine, before: registry, account: nil, isTrusted: false)
                try await weir.start()
                let answer = try await machine.request("\(weir.origin)/v2/library/x/manifests/multi")
                #expect((500..<600).contains(answer.status))
                #expect(try await registry.requests() == [])
            }
        }

        /// A machine, and an image in the storage folder "shared" for registries to come.
        private static func withProtected(
            _ body: (ClosedMachine, ImageLayout, Certificates) async throws -> Void
        ) async throws {
            try await ClosedMachine.with { machine in
                let image = try await ImageFactory(machine: machine).make("x")
                let open = try await RealRegistry(on: machine, name: "open", port: 5002, storage: "shared")
                try await open.push(image, as: "library/x")
                try await open.stop()
                try await body(machine, image, Certificates(on: machine))
            }
        }

        private static func weir(
            on machine: ClosedMachine, before registry: RealRegistry, account: RealRegistry.Account?,
            isTrusted: Bool = true
        ) throws -> WeirProcess {
            var rule = WeirConfiguration.Rule.hub(registry.origin)
            rule.account = account
            rule.authorityFile = isTrusted ? registry.certificates?.authorityFile : nil
            return try WeirProcess(on: machine, WeirConfiguration(rules: [rule]))
        }

        /// Pulls cold, then with the upstream stopped; returns what the upstream was asked.
        private static func pullsTwice(
            from registry: RealRegistry, account: RealRegistry.Account?, image: ImageLayout
        ) async throws -> [AccessRecord] {
            let machine = registry.machine
            let weir = try weir(on: machine, before: registry, account: account)
            try await weir.start()
            let stage = Stage(machine: machine, registry: registry, weir: weir, image: image)
            #expect(try await stage.pullIsExact())
            let asked = try await registry.requests()
            try await registry.stop()
            #expect(try await stage.pullIsExact())
            #expect(!weir.log.contains(RealRegistry.Account.test.password))
            return asked
        }
    }
}
