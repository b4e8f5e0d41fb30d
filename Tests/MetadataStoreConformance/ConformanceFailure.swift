/// A promise of a contract that a backend does not keep.
package struct ConformanceFailure: Error, CustomStringConvertible {
    package let description: String
}

/// Fails where `isKept` is false. `promise` reads as what should have been.
func expect(_ isKept: Bool, _ promise: String, file: StaticString = #fileID, line: UInt = #line) throws {
    if !isKept { throw ConformanceFailure(description: "\(promise) (\(file):\(line))") }
}

/// Fails where the two differ.
func expect<Value: Equatable>(
    _ actual: Value, is expected: Value, _ subject: String, file: StaticString = #fileID, line: UInt = #line
) throws {
    try expect(actual == expected, "\(subject) is \(expected), not \(actual)", file: file, line: line)
}
