/// Asks `condition` until it has an answer, every few milliseconds, for `bound` at the longest.
///
/// - Throws: ``MachineError/timedOut(what:)``; what `condition` throws.
func eventually<Answer>(
    _ what: String, within bound: Duration = .seconds(20), _ condition: () async throws -> Answer?
) async throws -> Answer {
    let clock = ContinuousClock()
    let end = clock.now + bound
    var pause = Duration.milliseconds(2)
    while true {
        if let answer = try await condition() { return answer }
        guard clock.now < end else { throw MachineError.timedOut(what: what) }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(40))
    }
}

/// As above, for a condition that is merely true or not yet.
func eventually(
    _ what: String, within bound: Duration = .seconds(20), holds condition: () async throws -> Bool
) async throws {
    _ = try await eventually(what, within: bound) { try await condition() ? true : nil }
}
