import CFuzzer
import Glibc
import PeerFuzzing

// usage: FUZZ_TARGET=… fuzz-peers [libFuzzer's options and corpus folders]. Not an argument: libFuzzer starts itself
// again with its own arguments where it merges.
guard let name = getenv("FUZZ_TARGET"), let target = PeerFuzzTarget(rawValue: String(cString: name)) else {
    print("FUZZ_TARGET has to be one of \(PeerFuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
    exit(2)
}
// A closure for C captures nothing, so the target lies where it can be reached.
Fuzzed.target = target
var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
var count = Int32(arguments.count - 1)
let code = arguments.withUnsafeMutableBufferPointer { buffer in
    var base = buffer.baseAddress
    return LLVMFuzzerRunDriver(&count, &base) { data, size in
        Fuzzed.target.run(Array(UnsafeBufferPointer(start: data, count: size)))
        return 0
    }
}
exit(code)
