extension SimulationStory {
    /// Three drawings beside each other: found and hops over time, and how records and requests are spread.
    package var plot: String {
        let shares = stretches.map { (Double($0.minute), 100 * $0.share) }
        let hops = stretches.map { (Double($0.minute), $0.hops.mean) }
        let end = Double(Self.end)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 300" font-family="sans-serif" font-size="12">
            <rect width="960" height="300" fill="white"/>
            \(panel(0, "found, % (minutes)", shares, x: (Double(Self.steadyFrom), end), y: (90, 100), isShaded: true))
            \(panel(320, "hops, mean (minutes)", hops, x: (Double(Self.steadyFrom), end), y: (0, 4), isShaded: true))
            \(panel(640, "share of the mean, by share of the nodes", spread(steady.records), x: (0, 1), y: (0, 5)))
            \(line(640, spread(steady.received), x: (0, 1), y: (0, 5), colour: "#c60"))
            <text x="700" y="60" fill="#06c">records held</text><text x="700" y="76" fill="#c60">requests received</text>
            </svg>

            """
    }

    /// The values in rising order, as multiples of their mean.
    private func spread(_ values: Distribution) -> [(Double, Double)] {
        guard values.mean > 0 else { return [] }
        return (0...100).map { (Double($0) / 100, values.quantile(Double($0) / 100) / values.mean) }
    }

    private func panel(
        _ left: Double, _ title: String, _ points: [(Double, Double)], x: (Double, Double), y: (Double, Double),
        isShaded: Bool = false
    ) -> String {
        var text = #"<text x="\#(left + 40)" y="24" font-weight="bold">\#(title)</text>"#
        if isShaded {
            let from = place(left, (Double(Self.churnFrom), y.1), x, y)
            let to = place(left, (Double(Self.churnTo), y.0), x, y)
            text +=
                #"<rect x="\#(from.0)" y="\#(from.1)" width="\#(to.0 - from.0)" height="\#(to.1 - from.1)" fill="gainsboro"/>"#
            text += #"<text x="\#(from.0 + 4)" y="\#(from.1 + 14)" fill="gray">30 % replaced</text>"#
        }
        for step in 0...4 {
            let value = y.0 + (y.1 - y.0) * Double(step) / 4
            let point = place(left, (x.0, value), x, y)
            text += #"<text x="\#(left + 4)" y="\#(point.1 + 4)">\#(self.text(value, 1))</text>"#
            text += #"<path d="M\#(point.0) \#(point.1)h260" stroke="gainsboro"/>"#
        }
        for step in 0...2 {
            let value = x.0 + (x.1 - x.0) * Double(step) / 2
            let point = place(left, (value, y.0), x, y)
            text += #"<text x="\#(point.0 - 8)" y="\#(point.1 + 18)">\#(self.text(value, x.1 > 1 ? 0 : 1))</text>"#
        }
        return text + line(left, points, x: x, y: y, colour: "#06c")
    }

    private func line(
        _ left: Double, _ points: [(Double, Double)], x: (Double, Double), y: (Double, Double), colour: String
    ) -> String {
        let path = points.map { point in
            let place = place(left, (point.0, min(max(point.1, y.0), y.1)), x, y)
            return "\(text(place.0, 1)),\(text(place.1, 1))"
        }
        return #"<polyline fill="none" stroke="\#(colour)" stroke-width="2" points="\#(path.joined(separator: " "))"/>"#
    }

    private func place(
        _ left: Double, _ point: (Double, Double), _ x: (Double, Double), _ y: (Double, Double)
    ) -> (Double, Double) {
        (left + 40 + 260 * (point.0 - x.0) / (x.1 - x.0), 260 - 220 * (point.1 - y.0) / (y.1 - y.0))
    }
}
