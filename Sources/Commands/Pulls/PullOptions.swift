internal import ArgumentParser
internal import ImageFiles
internal import ImageRewriting
internal import OCI

/// Which images are meant, and which of their platforms.
struct PullOptions: ParsableArguments {
    @Option(
        name: .customLong("platform"),
        help: ArgumentHelp(
            "A platform of multi-platform images, such as linux/arm64; may be given several times. 'all' takes all. "
                + "Default: the one that this machine runs.",
            valueName: "os/arch"))
    var platforms: [String] = []
    @OptionGroup var files: ImageFileOptions
    @OptionGroup var service: ServiceOptions

    func validate() throws {
        for text in platforms where text != "all" && Platform(text) == nil {
            throw ValidationError("'\(printable(text))' is no platform; write os/architecture, such as linux/arm64.")
        }
        if platforms.contains("all"), platforms.count > 1 { throw ValidationError("'all' stands alone.") }
    }

    /// As the service wants them: none for all.
    var wantedPlatforms: [String] {
        if platforms == ["all"] { return [] }
        return platforms.isEmpty ? [Self.ownPlatform] : platforms
    }

    #if arch(arm64)
        private static let ownPlatform = "linux/arm64"
    #else
        private static let ownPlatform = "linux/amd64"
    #endif

    func images(_ arguments: [String], takesBareNames: Bool) throws(CommandFailure) -> ImageArguments {
        let configuration = try service.configuration.load().service
        return try ImageArguments(
            arguments, takesBareNames: takesBareNames, options: try files.options(),
            rewriter: try? configuration.rewrite.rewriter(configuration.rules))
    }
}
