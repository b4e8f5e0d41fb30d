import Credentials
import Foundation
import RegistryTestKit
import Testing
import Timekeeping

@testable import CloudCredentials

/// Clouds are reached as the configuration says; what is this machine's own is reached directly.
@Suite(.timeLimit(.minutes(1))) struct ProxyTests {
    private static let keys = ["AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hush"]

    private func amazon(_ cloud: StandIn) -> AmazonConfiguration {
        AmazonConfiguration(registry: .ofAccount(region: "eu-central-1"), endpoint: cloud.origin)
    }

    private func ecr() async throws -> StandIn {
        try await StandIn { _ in
            let token = Data("AWS:t".utf8).base64EncodedString()
            return .json(#"{"authorizationData":[{"authorizationToken":"\#(token)"}]}"#)
        }
    }

    @Test func `a cloud is asked by way of the proxy, with the proxy's own account`() async throws {
        let cloud = try await ecr()
        try await ConnectProxy.withRunning { proxy in
            let route = CloudRoute.through(
                CloudProxy(host: "127.0.0.1", port: proxy.port, username: "me", password: "hush"))
            let client = CloudClient(clock: ManualWallClock(), route: { _ in route })
            let issued = try await ECRTokens(amazon(cloud), environment: Self.keys, client: client).fetch()
            #expect(issued.credentials == .basic(username: "AWS", password: "t"))
            let login = "Basic " + Data("me:hush".utf8).base64EncodedString()
            #expect(proxy.tunnels == [.init(target: String(cloud.origin.dropFirst(7)), authorization: login)])
        }
    }

    @Test func `the route is asked for by the cloud's own origin`() async throws {
        let cloud = try await ecr()
        let client = CloudClient(
            clock: ManualWallClock(),
            route: { $0 == "https://api.ecr.eu-central-1.amazonaws.com" ? .closed(reason: "told") : .direct })
        let configuration = AmazonConfiguration(registry: .ofAccount(region: "eu-central-1"))
        let error = await #expect(throws: CredentialError.self) {
            try await ECRTokens(configuration, environment: Self.keys, client: client).fetch()
        }
        #expect(error == .unavailable(reason: "api.ecr.eu-central-1.amazonaws.com cannot be reached: told"))
        _ = try await ECRTokens(amazon(cloud), environment: Self.keys, client: client).fetch()
        #expect(cloud.requests.count == 1)
    }

    @Test func `metadata services are asked past the proxy`() async throws {
        let token = #"{"access_token":"t","expires_in":"3599"}"#
        let metadata = try await StandIn { request in
            switch (request.method, request.path) {
            case ("PUT", _): .json("session")
            case (_, "/latest/meta-data/iam/security-credentials/"): .json("role")
            case (_, "/latest/meta-data/iam/security-credentials/role"), (_, "/container"):
                .json(#"{"AccessKeyId":"AKID","SecretAccessKey":"s"}"#)
            case (_, "/oauth2/exchange"): .json(#"{"refresh_token":"r"}"#)
            default: .json(token, fields: ["Metadata-Flavor": "Google"])
            }
        }
        let origin = metadata.origin
        let client = CloudClient(clock: ManualWallClock(), route: { _ in .closed(reason: "not to be asked") })
        let google = GoogleTokens(
            GoogleConfiguration(.metadata(account: nil)),
            environment: ["GCE_METADATA_HOST": String(origin.dropFirst(7))], client: client)
        _ = try await google.fetch()
        for (source, environment) in [
            (AmazonConfiguration.KeySource.instance, [:]),
            (.container, ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(origin)/container"]),
        ] as [(AmazonConfiguration.KeySource, [String: String])] {
            let configuration = AmazonConfiguration(
                registry: .ofAccount(region: "eu-central-1"), keys: source, metadataEndpoint: origin)
            let keys = try await AmazonKeyChain(configuration, environment: environment, client: client).keys()
            #expect(keys.identifier == "AKID")
        }
        // Of Azure the directory is elsewhere, and so is the registry.
        for environment in [[:], ["IDENTITY_ENDPOINT": "\(origin)/token", "IDENTITY_HEADER": "h"]] {
            let azure = AzureTokens(
                AzureConfiguration(.managed(client: nil), registry: "a.azurecr.io", metadataEndpoint: origin),
                environment: environment, client: client)
            let error = await #expect(throws: CredentialError.self) { try await azure.fetch() }
            #expect(error == .unavailable(reason: "a.azurecr.io cannot be reached: not to be asked"))
        }
        #expect(metadata.requests.count == 7)
    }
}
