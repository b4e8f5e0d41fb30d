internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import OCI
package import PeerGrants
package import Timekeeping

/// Where nodes ask the central Weir what they may have of private repositories.
package struct GrantPage: Sendable {
    private let authority: GrantAuthority
    private let rules: @Sendable () -> GrantRules?
    private let clock: any WallClock

    /// - Parameter rules: asked for every request, so that a reload takes effect at once; nil for none.
    package init(
        authority: GrantAuthority, rules: @escaping @Sendable () -> GrantRules?,
        clock: any WallClock = SystemWallClock()
    ) {
        self.authority = authority
        self.rules = rules
        self.clock = clock
    }

    /// 404 where no grants are configured, 401 for what proves nothing, 403 for a node that nothing is configured for.
    func answer(_ request: Request) -> Answer {
        guard let rules = rules() else { return .noEndpoint }
        do throws(GrantError) {
            let answer = try authority.answer(
                proof: request.fields.proof, authorization: request.fields.authorization, rules: rules,
                now: clock.now().seconds)
            let bytes = ByteBuffer(bytes: answer.json)
            var result = Answer(
                status: .ok, contentType: "application/json", length: Int64(bytes.readableBytes), body: .bytes(bytes))
            result.add(name: "Cache-Control", value: "no-store")
            return result
        } catch {
            switch error {
            case .notGranted: return Answer(status: 403, RegistryError(.denied, "nothing is granted to this node"))
            case .tooLarge, .unsigned:
                var answer = Answer(status: 500, RegistryError(.unknown, "the grant cannot be made"))
                answer.internalReason = "a grant cannot be made: \(error)"
                return answer
            default: return Answer(status: 401, RegistryError(.unauthorized, "the proof does not count: \(error)"))
            }
        }
    }
}
