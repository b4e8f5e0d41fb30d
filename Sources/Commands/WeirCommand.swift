internal import ArgumentParser

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The `weir` program.
package enum WeirProgram {
    /// Runs the command that the process's arguments name, and ends the process with its exit code.
    package static func main() async -> Never {
        EarlySignals.hold()
        // A reader that goes away must not end the service while it logs; writes tell of it by themselves.
        signal(SIGPIPE, SIG_IGN)
        let code: Int32
        do {
            var command = try command(Array(CommandLine.arguments.dropFirst()))
            if (command as? any ServiceCommand)?.stays == true {
                ServiceProcess.prepare()
            } else {
                EarlySignals.release()
            }
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            code = 0
        } catch let failure as CommandFailure {
            if !failure.message.isEmpty { writeFully("weir: \(failure.message)\n", to: STDERR_FILENO) }
            code = failure.code.rawValue
        } catch {
            code = report(error)
        }
        exit(code)
    }

    /// The command that `arguments` name.
    static func command(_ arguments: [String]) throws -> any ParsableCommand {
        try WeirCommand.parseAsRoot(SpegelArguments.completed(arguments))
    }

    /// Help, completion scripts and mistakes on the command line, as the library words them.
    private static func report(_ error: any Error) -> Int32 {
        let libraryCode = WeirCommand.exitCode(for: error)
        if libraryCode == .validationFailure, let mistyped = MistypedCommand(CommandLine.arguments.dropFirst()) {
            writeFully("weir: \(mistyped.message)\n", to: STDERR_FILENO)
            return CommandFailure.Code.usage.rawValue
        }
        let message = WeirCommand.fullMessage(for: error)
        if !message.isEmpty {
            writeFully("\(message)\n", to: libraryCode == .success ? STDOUT_FILENO : STDERR_FILENO)
        }
        return libraryCode == .validationFailure ? CommandFailure.Code.usage.rawValue : libraryCode.rawValue
    }
}

struct WeirCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir",
        abstract: "A pull-through cache and traffic governor for container images.",
        discussion: """
            Start it with 'weir serve'; without any configuration it listens on port 5000 and serves the well-known \
            public registries. 'weir client-config' prints what Docker, containerd, K3s, podman and CRI-O need to use it.

            Exit codes: 0 done; 1 it failed; 2 the command line or the configuration is wrong; 3 no service is \
            running; 4 not found, or not cached.
            """,
        version: "weir \(Version.text)",
        groupedSubcommands: [
            CommandGroup(
                name: "Service",
                subcommands: [ServeCommand.self, WebhookCommand.self, ConfigCommand.self, CheckStoreCommand.self]),
            CommandGroup(
                name: "Running service",
                subcommands: [
                    StatusCommand.self, ExplainCommand.self, SurviveCommand.self, RefreshCommand.self,
                    ReloadCommand.self,
                ]),
            CommandGroup(
                name: "Pull limits",
                subcommands: [QuotaCommand.self, PlanCommand.self, WarmCommand.self, RulesCommand.self]),
            CommandGroup(
                name: "Contents",
                subcommands: [
                    PinCommand.self, UnpinCommand.self, PinsCommand.self, EvictCommand.self, CollectCommand.self,
                ]),
            CommandGroup(name: "Nodes", subcommands: [NodeCommand.self, NodeConfigCommand.self, SpegelCommand.self]),
            CommandGroup(
                name: "Clients",
                subcommands: [
                    ClientConfigCommand.self, RewriteCommand.self, ImagesCommand.self, VersionCommand.self,
                ]),
        ])
}
