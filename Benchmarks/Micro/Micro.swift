internal import Benchmark

/// Everything that is called for every request or every piece of a blob, alone. Numbers to compare with those of the
/// commit before, on the same machine; what they mean for a pull is what `make bench` measures.
let benchmarks: @Sendable () -> Void = {
    // Processor time has a grain of 10 ms, and many virtual machines let no instructions be counted.
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock], warmupIterations: 3, scalingFactor: .kilo, maxDuration: .seconds(2),
        maxIterations: 1_000_000)
    do {
        try Parsing.register()
        try Decisions.register()
        Choosing.register()
        try Fills.register()
        try Catalogues.register()
        Digesting.register()
        Exposition.register()
        Lookups.register()
    } catch {
        fatalError("the benchmarks' own material is malformed: \(error)")
    }
}
