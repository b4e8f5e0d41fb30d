/// Spegel's command line as its own parser reads it.
///
/// A flag that is true or false may stand alone, and is true then; with a value it is written `--resolve-tags=false`. One
/// dash does as well as two. <https://github.com/alexflint/go-arg>
enum SpegelArguments {
    private static let flags: Set<Substring> = [
        "debug-web-enabled", "resolve-latest-tag", "resolve-tags", "prepend-existing",
    ]
    /// Those that Weir's own parser knows: `-h` and the like.
    private static let shortLengthMax = 2

    /// The arguments of `weir`, with what comes behind `spegel` as Weir's own parser takes it.
    static func completed(_ arguments: [String]) -> [String] {
        guard arguments.first == "spegel" else { return arguments }
        var completed: [String] = []
        for (index, argument) in arguments.enumerated() {
            guard argument.hasPrefix("-"), argument.utf8.count > shortLengthMax else {
                completed.append(argument)
                continue
            }
            let name = argument.drop { $0 == "-" }
            let isAlone = flags.contains(name) && !isTruth(arguments.dropFirst(index + 1).first)
            completed.append("--\(name)\(isAlone ? "=true" : "")")
        }
        return completed
    }

    /// Weir takes a value that is divided from its flag by a blank, too.
    private static func isTruth(_ text: String?) -> Bool {
        text.map { (try? SpegelForm.flag("", $0, standard: false)) != nil } ?? false
    }
}
