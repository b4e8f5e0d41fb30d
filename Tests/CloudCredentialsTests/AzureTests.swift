import CredentialSources
import Credentials
import Foundation
import Logging
import RegistryTestKit
import Testing
import Timekeeping

@testable import CloudCredentials

@Suite(.timeLimit(.minutes(1))) struct AzureTests {
    private let clock = ManualWallClock(Timestamp(seconds: 1_700_000_000))
    /// Runs out at 1700010800.
    private static let refreshToken =
        "e30.\(Data(#"{"exp":1700010800}"#.utf8).base64EncodedString().filter { $0 != "=" }).x"

    private func registry() async throws -> StandIn {
        try await StandIn { request in
            guard request.method == "POST", request.path == "/oauth2/exchange",
                request.form["grant_type"] == "access_token", request.form["service"] == "weir.azurecr.io",
                request.form["access_token"] == "aad"
            else { return .json(#"{"errors":[{"code":"UNAUTHORIZED"}]}"#, status: 401) }
            return .json(#"{"refresh_token":"\#(Self.refreshToken)"}"#)
        }
    }

    private var issued: IssuedCredentials {
        IssuedCredentials(
            .basic(username: "00000000-0000-0000-0000-000000000000", password: Self.refreshToken),
            expiresAt: Timestamp(seconds: 1_700_010_800))
    }

    private func fetch(
        _ identity: AzureConfiguration.Identity, _ registry: StandIn, authority: String? = nil,
        metadata: String? = nil, environment: [String: String] = [:]
    ) async throws -> IssuedCredentials {
        let configuration = AzureConfiguration(
            identity, registry: "weir.azurecr.io", authority: authority, metadataEndpoint: metadata,
            registryEndpoint: registry.origin)
        return try await AzureTokens(configuration, environment: environment, client: CloudClient(clock: clock)).fetch()
    }

    @Test func `a service principal's token is exchanged`() async throws {
        let registry = try await registry()
        let login = try await StandIn { request in
            guard request.path == "/tenant/oauth2/v2.0/token", request.form["client_secret"] == "hush&+",
                request.form["scope"] == "https://containerregistry.azure.net/.default"
            else { return .json(#"{"error":"invalid_client","error_description":"hush"}"#, status: 401) }
            return .json(#"{"access_token":"aad","expires_in":3599}"#)
        }
        func principal(_ secret: String) -> AzureConfiguration.Identity {
            .servicePrincipal(tenant: "tenant", client: "id", secret: SecretTemplate(secret))
        }
        #expect(try await fetch(principal("hush&+"), registry, authority: login.origin) == issued)
        let error = await #expect(throws: CredentialError.self) {
            try await fetch(principal("old"), registry, authority: login.origin)
        }
        guard case .refused(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("invalid_client") && !reason.contains("hush"))
    }

    @Test func `a machine's own identity is asked for with Azure's field`() async throws {
        let registry = try await registry()
        let metadata = try await StandIn { request in
            guard request["Metadata"] == "true", request.path == "/metadata/identity/oauth2/token",
                request.query.contains("api-version=2018-02-01"), request.query.contains("client_id=mine")
            else { return .json(#"{"error":"invalid_request"}"#, status: 400) }
            return .json(#"{"access_token":"aad","expires_in":"3599","expires_on":"1700003599"}"#)
        }
        #expect(try await fetch(.managed(client: "mine"), registry, metadata: metadata.origin) == issued)
    }

    @Test func `App Service and Container Apps have an endpoint of their own`() async throws {
        let registry = try await registry()
        let service = try await StandIn { request in
            request["X-IDENTITY-HEADER"] == "proof" && request.path == "/msi/token"
                && request.query.contains("api-version=2019-08-01")
                ? .json(#"{"access_token":"aad","expires_on":"1700003599"}"#) : StandIn.Answer(status: 401)
        }
        let environment = ["IDENTITY_ENDPOINT": "\(service.origin)/msi/token", "IDENTITY_HEADER": "proof"]
        #expect(try await fetch(.managed(client: nil), registry, environment: environment) == issued)
    }

    @Test func `a workload's federated token is shown for it`() async throws {
        let registry = try await registry()
        let login = try await StandIn { request in
            request.form["client_assertion"] == "federated" && request.path == "/t/oauth2/v2.0/token"
                ? .json(#"{"access_token":"aad","expires_in":3599}"#) : .json("{}", status: 401)
        }
        let file = try Scratch("federated\n")
        let environment = [
            "AZURE_FEDERATED_TOKEN_FILE": file.path, "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c",
            "AZURE_AUTHORITY_HOST": "\(login.origin)/",
        ]
        #expect(try await fetch(.workload, registry, environment: environment) == issued)
        await #expect(throws: CredentialError.self) { try await fetch(.workload, registry) }
    }

    @Test func `all who wait share one renewal, and what runs out is renewed before`() async throws {
        let registry = try await registry()
        let metadata = try await StandIn { _ in .json(#"{"access_token":"aad","expires_in":3599}"#) }
        let configuration = AzureConfiguration(
            .managed(client: nil), registry: "weir.azurecr.io", metadataEndpoint: metadata.origin,
            registryEndpoint: registry.origin)
        let source = RenewingCredentials.azure(
            configuration, environment: [:], client: CloudClient(clock: clock),
            logger: Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() })
        #expect(metadata.requests.isEmpty)
        try await withThrowingTaskGroup(of: IssuedCredentials.self) { group in
            for _ in 0..<20 { group.addTask { try await source.credentials() } }
            for try await one in group { #expect(one == issued) }
        }
        #expect(registry.requests.count == 1)
        #expect(source.report(at: clock.now()).condition == .good)
    }
}
