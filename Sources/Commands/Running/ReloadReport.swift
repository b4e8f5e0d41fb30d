internal import Logging

/// What a reload brought, and did not.
struct ReloadReport {
    /// Settings that changed and are not in effect, by their names.
    var needsRestart: [String]
    var warnings: [String]

    func tell(_ logger: Logger, _ metadata: Logger.Metadata = [:]) {
        for warning in warnings {
            logger.warning("The configuration was reloaded with a warning", metadata: ["warning": "\(warning)"])
        }
        if !needsRestart.isEmpty {
            logger.warning(
                "Some settings changed that only a restart brings into effect",
                metadata: ["settings": "\(needsRestart.joined(separator: ", "))"])
        }
        logger.notice("The configuration was reloaded", metadata: metadata)
    }

    static func tellRefusal(_ problems: String, _ logger: Logger) {
        logger.error("The configuration has errors, and stays as it was", metadata: ["problems": "\(problems)"])
    }
}
