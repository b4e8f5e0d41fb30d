/// Something in the configuration that an operator has to mend (an error), or should look at (a warning).
package struct ConfigurationProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Severity: String, Sendable { case error, warning }

    /// Where a value stands.
    package struct Place: Hashable, Sendable, CustomStringConvertible {
        /// The file, or the name of the flag or environment variable.
        package var source: String
        /// From 1; nil outside of files.
        package var line: Int?
        package var column: Int?

        package init(source: String, line: Int? = nil, column: Int? = nil) {
            self.source = source
            self.line = line
            self.column = column
        }

        package var description: String {
            guard let line else { return source }
            return column.map { "\(source):\(line):\($0)" } ?? "\(source):\(line)"
        }
    }

    package var severity: Severity
    package var place: Place
    /// What is wrong, and what to do; never a secret.
    package var message: String

    package init(_ message: String, at place: Place, severity: Severity = .error) {
        self.severity = severity
        self.place = place
        self.message = message
    }

    package var description: String {
        severity == .warning ? "\(place): warning: \(message)" : "\(place): \(message)"
    }
}

/// Everything that is wrong with a configuration; at least one error.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    package let problems: [ConfigurationProblem]

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// A value and where it stands.
struct Located<Value> {
    var value: Value
    var place: ConfigurationProblem.Place
}
