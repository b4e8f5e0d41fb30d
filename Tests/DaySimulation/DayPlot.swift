/// A comparison as a picture: for each regime how failed pulls, and pulls counted upstream, add up over the day.
package struct DayPlot: Sendable {
    private struct Panel {
        var title: String
        var lines: [(name: String, values: [Int])]
        var left: Int
        var top: Int
    }

    private static let (width, height) = (330, 190)
    private static let colours = ["#b0342c", "#c98a1b", "#3b7dbf", "#1f7a4d", "#6b4fa0", "#555555"]
    private static let dashes = ["6 3", "2 3", "", "", "", ""]

    let comparisons: [DayComparison]

    package init(comparisons: [DayComparison]) { self.comparisons = comparisons }

    package var svg: String {
        var panels: [Panel] = []
        for (column, comparison) in comparisons.enumerated() {
            let left = 60 + column * (Self.width + 70)
            panels.append(panel(comparison, "pulls that failed", left: left, top: 76) { $0.refused })
            panels.append(panel(comparison, "pulls counted upstream", left: left, top: 326) { $0.counted })
        }
        let totalWidth = 60 + comparisons.count * (Self.width + 70)
        let names = comparisons.first?.outcomes.map(\.name) ?? []
        let totalHeight = 560 + names.count * 18
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(totalWidth) \(totalHeight)" width="\(totalWidth)" \
            height="\(totalHeight)" font-family="sans-serif" font-size="12">
            <rect width="\(totalWidth)" height="\(totalHeight)" fill="#ffffff"/>

            """
        for (column, comparison) in comparisons.enumerated() {
            let left = 60 + column * (Self.width + 70)
            text += Self.label(comparison.regimeName, x: left, y: 28, weight: "bold", size: 14)
        }
        for panel in panels { text += draw(panel) }
        for (index, name) in names.enumerated() {
            let y = 556 + index * 18
            text += Self.line([(60, y - 4), (90, y - 4)], index)
            text += Self.label(name, x: 98, y: y)
        }
        return text + "</svg>\n"
    }

    private func panel(
        _ comparison: DayComparison, _ title: String, left: Int, top: Int, _ value: (DayOutcome.Hour) -> Int
    ) -> Panel {
        let lines = comparison.outcomes.map { outcome in
            var sum = 0
            let values = outcome.hours.map { hour -> Int in
                sum += value(hour)
                return sum
            }
            return (name: outcome.name, values: [0] + values)
        }
        return Panel(title: title, lines: lines, left: left, top: top)
    }

    private func draw(_ panel: Panel) -> String {
        let most = panel.lines.flatMap(\.values).max() ?? 0
        let top = Self.roundedUp(max(most, 10))
        let (left, upper) = (panel.left, panel.top)
        var text = Self.label(panel.title, x: left, y: upper - 12)
        for step in 0...4 {
            let y = upper + Self.height - step * Self.height / 4
            text += "<line x1=\"\(left)\" y1=\"\(y)\" x2=\"\(left + Self.width)\" y2=\"\(y)\" stroke=\"#dddddd\"/>\n"
            text += Self.label("\(top * step / 4)", x: left - 6, y: y + 4, anchor: "end", colour: "#555555")
        }
        for hour in stride(from: 0, through: 24, by: 6) {
            let x = left + hour * Self.width / 24
            text += Self.label("\(hour) h", x: x, y: upper + Self.height + 18, anchor: "middle", colour: "#555555")
        }
        for (index, line) in panel.lines.enumerated() {
            let points = line.values.enumerated().map { hour, value in
                (left + hour * Self.width / 24, upper + Self.height - value * Self.height / top)
            }
            text += Self.line(points, index)
        }
        return text
    }

    /// The next of 10, 20, 50, 100 …, in quarters that are whole numbers.
    private static func roundedUp(_ value: Int) -> Int {
        var unit = 20
        while true {
            for factor in [1, 2, 4, 5] where unit * factor >= value { return unit * factor }
            unit *= 10
        }
    }

    private static func line(_ points: [(Int, Int)], _ index: Int) -> String {
        let path = points.map { "\($0.0),\($0.1)" }.joined(separator: " ")
        let dash = dashes[index % dashes.count]
        return
            "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colours[index % colours.count])\" stroke-width=\"2\""
            + (dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\"") + "/>\n"
    }

    private static func label(
        _ text: String, x: Int, y: Int, anchor: String = "start", weight: String = "normal", size: Int = 12,
        colour: String = "#222222"
    ) -> String {
        let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        return "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\" font-weight=\"\(weight)\" font-size=\"\(size)\" "
            + "fill=\"\(colour)\">\(escaped)</text>\n"
    }
}
