internal import AgeEncryption
internal import Yams

extension ConfigurationLoader {
    /// Included files at the most.
    private static let includeLimit = 64
    /// What only the configuration file itself may say.
    private static let ownKeys = ["include", "rulesFrom", "decryption"]

    /// Everything that is said, what counts less before what counts more: included files, the configuration file, the
    /// environment, flags.
    func layers(file path: String?) -> (layers: [ConfigurationLayer], problems: [ConfigurationProblem]) {
        let files = ConfigurationFiles(workingDirectory: workingDirectory)
        var problems: [ConfigurationProblem] = []
        var own: [ConfigurationLayer] = []
        let (outer, warnings) = outerLayers()
        problems += warnings
        if let path {
            do throws(ConfigurationProblem) {
                // The keys to this file cannot stand in it; the environment and flags may name some.
                let ring = keyRing(outer)
                if let layer = try files.layer(
                    path, what: "the configuration file", keys: { () throws(ConfigurationProblem) in try ring.keys() })
                {
                    own.append(layer)
                }
            } catch {
                problems.append(error)
            }
        }
        own += outer
        // What is wrong in these is told when they are read for good.
        let first = read(own).settings
        let ring = keyRing(own)
        var included: [ConfigurationLayer] = []
        for (named, areRules) in first.include.map({ ($0, false) }) + first.rulesFrom.map({ ($0, true) }) {
            guard included.count < Self.includeLimit else {
                problems.append(
                    ConfigurationProblem("more than \(Self.includeLimit) files are included", at: named.place))
                break
            }
            do throws(ConfigurationProblem) {
                guard
                    let layer = try files.layer(
                        named.value, what: "the included file",
                        keys: { () throws(ConfigurationProblem) in try ring.keys() })
                else { continue }
                problems += Self.misplaced(in: layer)
                if areRules {
                    let (rules, warnings) = RulesFile.configuration(layer)
                    included.append(rules)
                    problems += warnings
                } else {
                    included.append(layer)
                }
            } catch {
                problems.append(error)
            }
        }
        return (included + own, problems)
    }

    /// The settings of `layers`, one laid over the other.
    func read(_ layers: [ConfigurationLayer]) -> (settings: Settings, problems: [ConfigurationProblem]) {
        var settings = Settings()
        var problems: [ConfigurationProblem] = []
        let format = Format<Settings>.configuration
        for layer in layers {
            var reader = SettingsReader(
                source: layer.source, substitution: Substitution(environment: environment, directory: layer.directory))
            if let value = format.read(layer.node, settings, &reader) { settings = value }
            problems += reader.problems
        }
        return (settings, problems)
    }

    private func keyRing(_ layers: [ConfigurationLayer]) -> AgeKeyRing {
        AgeKeyRing(
            settings: read(layers).settings.decryption, environment: environment, workingDirectory: workingDirectory)
    }

    private func outerLayers() -> (layers: [ConfigurationLayer], warnings: [ConfigurationProblem]) {
        let (overrides, warnings) = EnvironmentVariables.overrides(environment)
        let lists = Set(EnvironmentVariables.all().filter(\.isList).map(\.path))
        let fromFlags = flags.map { flag in
            ConfigurationOverride(
                source: flag.name, path: flag.path, text: flag.value, isList: lists.contains(flag.path))
        }
        let layers = (overrides + fromFlags).map {
            ConfigurationLayer(source: $0.source, node: $0.node, directory: workingDirectory)
        }
        return (layers, warnings)
    }

    private static func misplaced(in layer: ConfigurationLayer) -> [ConfigurationProblem] {
        guard case .mapping(let mapping) = layer.node else { return [] }
        return mapping.keys.compactMap { key in
            guard let text = key.scalar?.string, ownKeys.contains(text) else { return nil }
            return ConfigurationProblem(
                "an included file cannot say '\(text)'; say it in the configuration file",
                at: .init(source: layer.source, line: key.mark?.line, column: key.mark?.column))
        }
    }
}
