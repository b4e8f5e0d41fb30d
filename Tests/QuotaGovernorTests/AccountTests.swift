import Credentials
import Logging
import Quota
import QuotaGovernor
import RegistryTestKit
import Synchronization
import Testing
import Timekeeping
import Upstream

/// How accounts stand, and who is told.
@Suite struct AccountTests {
    /// What was logged of accounts, with the condition that it tells.
    private final class Told: Sendable {
        let lines = Mutex<[String]>([])

        var logger: Logger {
            var logger = Logger(label: "test") { _ in Handler(told: self) }
            logger.logLevel = .notice
            return logger
        }

        private struct Handler: LogHandler {
            let told: Told
            var logLevel = Logger.Level.notice
            var metadata: Logger.Metadata = [:]

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }

            func log(event: LogEvent) {
                guard let condition = event.metadata?["condition"] else { return }
                told.lines.withLock { $0.append("\(event.level) \(event.message): \(condition)") }
            }
        }
    }

    private func conditions(_ governor: QuotaGovernor) -> [String] {
        governor.accountReports.map { "\($0.account) \($0.credentials.condition.rawValue)" }
    }

    @Test func `each change of an account's standing is one line, however many ask`() async throws {
        try await Stage.run { stage in
            let told = Told()
            let source = SwitchedSource(.failure(.missing(reason: "no such file")))
            let governor = try stage.governor(sources: [.init(AccountName("hub"), source)], logger: told.logger)
            for _ in 0..<20 {
                _ = await governor.pull()
                governor.announceAccounts()
                stage.clock.advance(by: .seconds(61))
            }
            #expect(told.lines.withLock(\.self) == ["warning An account needs attention: failing"])
            #expect(conditions(governor) == ["hub failing"])
            source.set(.success(.basic(username: "alice", password: "right")))
            stage.clock.advance(by: .seconds(61))
            for _ in 0..<3 { #expect(await governor.pull() == nil) }
            #expect(told.lines.withLock { $0.dropFirst() } == ["notice An account is of use again: good"])
            #expect(conditions(governor) == ["hub good"])
        }
    }

    @Test func `what changes by time alone is told when somebody looks`() async throws {
        try await Stage.run { stage in
            let told = Told()
            let source = SwitchedSource(.success(.basic(username: "alice", password: "right")))
            let governor = try stage.governor(sources: [.init(AccountName("hub"), source)], logger: told.logger)
            for condition in [CredentialReport.Condition.unused, .good, .aboutToExpire, .aboutToExpire, .expired] {
                source.condition.withLock { $0 = condition }
                governor.announceAccounts()
            }
            #expect(
                told.lines.withLock(\.self) == [
                    "notice An account's credentials run out soon: about-to-expire",
                    "warning An account needs attention: expired",
                ])
        }
    }

    @Test func `a login that is refused again and again is the account's, one refusal is not`() async throws {
        try await Stage.run { stage in
            let told = Told()
            let source = SwitchedSource(.success(.basic(username: "alice", password: "wrong")))
            let governor = try stage.governor(sources: [.init(AccountName("hub"), source)], logger: told.logger)
            // As sources see every 401.
            source.condition.withLock { $0 = .refused }
            _ = await governor.pull(.named("library/a"))
            #expect(conditions(governor) == ["hub good"])
            for name in ["b", "c", "d"] { _ = await governor.pull(.named("library/\(name)")) }
            #expect(conditions(governor) == ["hub refused"])
            #expect(
                governor.accountProblems.map(\.reason) == [
                    "the file /run/secrets/hub (refused): the upstream refuses its login"
                ])
            #expect(told.lines.withLock(\.self) == ["warning An account needs attention: refused"])
            // A reload that leaves it as it was does not tell it again.
            let next = try stage.governor(
                sources: [.init(AccountName("hub"), source)], predecessor: governor, unchanged: [AccountName("hub")],
                logger: told.logger)
            next.announceAccounts()
            #expect(conditions(next) == ["hub refused"])
            #expect(told.lines.withLock(\.count) == 1)
        }
    }
}
