/// Why a command ends without what was asked of it. The message goes to standard error.
struct CommandFailure: Error, CustomStringConvertible {
    /// The exit codes of every command (docs/commands.md).
    enum Code: Int32 {
        case failure = 1
        /// The command line or the configuration is wrong.
        case usage = 2
        /// No service answers on the control socket.
        case notRunning = 3
        /// What was named does not exist, or is not cached.
        case notFound = 4
    }

    let code: Code
    /// Several lines where there are several problems; empty where everything was said already.
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    var description: String { message }
}
