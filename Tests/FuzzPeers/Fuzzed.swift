import PeerFuzzing

enum Fuzzed {
    // Set once before the fuzzer begins, which has one thread.
    nonisolated(unsafe) static var target = PeerFuzzTarget.multiaddr
}
