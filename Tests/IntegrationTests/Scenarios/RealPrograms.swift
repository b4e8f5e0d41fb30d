import Testing

/// All tests with real programs. One at a time: they measure, count, and kill, on machines with few cores.
@Suite(.serialized)
enum RealPrograms {}
