internal import ArgumentParser

/// A command that may stay, by ``ServiceParts``: no signal ends it before its parts are there to be ended.
protocol ServiceCommand: AsyncParsableCommand {
    /// Whether it does.
    var stays: Bool { get }
}

extension ServiceCommand {
    var stays: Bool { true }
}
