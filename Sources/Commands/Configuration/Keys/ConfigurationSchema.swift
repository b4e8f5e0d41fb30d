/// The JSON Schema of the configuration file, for editors.
package enum ConfigurationSchema {
    package static var text: String {
        guard case .object(let members) = Format<Settings>.configuration.schema else { return "" }
        return JSONValue.object(
            [
                .init("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
                .init("title", .string("Weir's configuration")),
                .init(
                    "description",
                    .string("Printed by 'weir config schema'. '${env:NAME}' and '${file:PATH}' may stand in any text.")),
            ] + members
        ).text
    }
}
