/// What differs between two texts, as `diff -u` and `patch` write it.
struct UnifiedDiff {
    private static let contextLines = 3
    /// How far lines are looked for again after a difference. Rewriting changes lines and adds few.
    private static let lookAhead = 64

    private enum Line {
        case same(Int, Int)
        case removed(Int)
        case added(Int)
    }

    let text: String

    /// - Parameters: lines are bytes up to `\n`; a carriage return is part of its line.
    init(_ old: [UInt8], _ new: [UInt8], path: String) {
        let old = Self.lines(old)
        let new = Self.lines(new)
        let lines = Self.compare(old, new)
        var text = "--- a/\(path)\n+++ b/\(path)\n"
        var index = 0
        while let first = lines[index...].firstIndex(where: Self.isChange) {
            let start = max(index, first - Self.contextLines)
            var end = first
            // Changes with little between share a hunk.
            while let next = lines[(end + 1)...].firstIndex(where: Self.isChange),
                next - end <= 2 * Self.contextLines
            { end = next }
            end = min(lines.count, end + 1 + Self.contextLines)
            text += Self.hunk(lines[start..<end], old, new)
            index = end
        }
        self.text = text
    }

    private static func isChange(_ line: Line) -> Bool { if case .same = line { false } else { true } }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
            lines.append(bytes[start..<end])
            start = end
        }
        return lines
    }

    private static func compare(_ old: [ArraySlice<UInt8>], _ new: [ArraySlice<UInt8>]) -> [Line] {
        var result: [Line] = []
        var (left, right) = (0, 0)
        while left < old.count || right < new.count {
            if left < old.count, right < new.count, old[left] == new[right] {
                result.append(.same(left, right))
                left += 1
                right += 1
                continue
            }
            let (removed, added) = distance(old[left...], new[right...])
            for offset in 0..<removed { result.append(.removed(left + offset)) }
            for offset in 0..<added { result.append(.added(right + offset)) }
            left += removed
            right += added
        }
        return result
    }

    /// How many lines of each there are before both go on alike.
    private static func distance(
        _ old: ArraySlice<ArraySlice<UInt8>>, _ new: ArraySlice<ArraySlice<UInt8>>
    ) -> (removed: Int, added: Int) {
        for sum in 1...(2 * lookAhead) {
            for removed in max(0, sum - new.count)...sum where removed <= old.count {
                let added = sum - removed
                let (left, right) = (old.dropFirst(removed), new.dropFirst(added))
                if left.isEmpty && right.isEmpty { return (removed, added) }
                if let first = left.first, let other = right.first, first == other { return (removed, added) }
            }
        }
        return (old.count, new.count)
    }

    private static func hunk(
        _ lines: ArraySlice<Line>, _ old: [ArraySlice<UInt8>], _ new: [ArraySlice<UInt8>]
    ) -> String {
        var (oldStart, newStart): (Int?, Int?)
        var (oldCount, newCount) = (0, 0)
        var body = ""
        func append(_ sign: Character, _ line: ArraySlice<UInt8>) {
            body += "\(sign)\(String(decoding: line, as: UTF8.self))"
            if line.last != 0x0A { body += "\n\\ No newline at end of file\n" }
        }
        for line in lines {
            switch line {
            case .same(let left, let right):
                (oldStart, newStart) = (oldStart ?? left, newStart ?? right)
                oldCount += 1
                newCount += 1
                append(" ", old[left])
            case .removed(let left):
                oldStart = oldStart ?? left
                oldCount += 1
                append("-", old[left])
            case .added(let right):
                newStart = newStart ?? right
                newCount += 1
                append("+", new[right])
            }
        }
        // A side without lines is named by the line before it.
        let left = oldCount == 0 ? 0 : (oldStart ?? 0) + 1
        let right = newCount == 0 ? 0 : (newStart ?? 0) + 1
        return "@@ -\(left),\(oldCount) +\(right),\(newCount) @@\n\(body)"
    }
}
