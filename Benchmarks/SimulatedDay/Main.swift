import DaySimulation
import Foundation
import RegistryTestKit

/// Lets a day pass under both regimes that Docker has published, and writes what came of it into the documentation:
/// `make simulate-day`.
@main
struct Main {
    private static let (begin, end) = ("<!-- begin: make simulate-day -->\n", "<!-- end: make simulate-day -->\n")

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let folder = arguments.first, arguments.count == 1 else {
            FileHandle.standardError.write(Data("usage: simulated-day DOCUMENTATION-FOLDER\n".utf8))
            exit(2)
        }
        let plan = DayPlan(.full)
        let regimes = [
            (PullRegime.sixHours, "200 pulls in 6 hours for an account (documented)"),
            (.hourly, "100 pulls in an hour for an account (announced, put on hold)"),
        ]
        var comparisons: [DayComparison] = []
        for (regime, name) in regimes {
            comparisons.append(
                try await DayComparison.run(plan, regime: regime, named: name, accountCounts: [1, 3]))
        }
        for outcome in comparisons.flatMap(\.outcomes) {
            print("\(outcome.name): \(outcome.total)" + (outcome.firstFailure.map { " first failure: \($0)" } ?? ""))
        }
        try DayPlot(comparisons: comparisons).svg.write(
            toFile: "\(folder)/quota-day.svg", atomically: true, encoding: .utf8)
        try replace(in: "\(folder)/quota.md", by: DayReport(plan: plan, comparisons: comparisons).markdown)
    }

    private static func replace(in path: String, by report: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard let first = text.range(of: begin), let last = text.range(of: end), first.upperBound <= last.lowerBound
        else {
            FileHandle.standardError.write(Data("\(path) has no place for the report\n".utf8))
            exit(1)
        }
        let picture = "![How failed pulls, and pulls counted upstream, add up over the day](quota-day.svg)\n"
        try (text[..<first.upperBound] + "\n" + report + picture + "\n" + text[last.lowerBound...])
            .write(toFile: path, atomically: true, encoding: .utf8)
    }
}
