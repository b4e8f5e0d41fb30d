/// The name among `names` that `text` was most likely meant to be; nil where none is near.
func suggestion(for text: String, among names: [String]) -> String? {
    guard text.utf8.count <= 64 else { return nil }
    let wanted = text.lowercased()
    // A third of the letters may be wrong, and at least one.
    let farthest = max(1, wanted.count / 3)
    let near = names.map { (name: $0, distance: editDistance(wanted, $0.lowercased())) }
        .filter { $0.distance <= farthest }
        .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
    return near?.name
}

/// How many letters must be inserted, removed, replaced, or swapped with their neighbour to make `left` into `right`.
/// Texts longer than 64 characters are not compared and count as 64 apart.
func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left), right = Array(right)
    guard left.count <= 64, right.count <= 64 else { return 64 }
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for row in 1...left.count {
        var current = [row] + [Int](repeating: 0, count: right.count)
        for column in 1...right.count {
            let replaced = last[column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1)
            current[column] = min(replaced, last[column] + 1, current[column - 1] + 1)
            if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                current[column] = min(current[column], beforeLast[column - 2] + 1)
            }
        }
        beforeLast = last
        last = current
    }
    return last[right.count]
}
