import CFuzzer
import Glibc
import PeerFuzzing

// usage: fuzz-peers TARGET [libFuzzer's options and corpus folders]
guard CommandLine.arguments.count > 1, let target = PeerFuzzTarget(rawValue: CommandLine.arguments[1]) else {
    print("usage: fuzz-peers \(PeerFuzzTarget.allCases.map(\.rawValue).joined(separator: "|")) …")
    exit(2)
}
// A closure for C captures nothing, so the target lies where it can be reached.
Fuzzed.target = target
var arguments = ([CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(2)).map { strdup($0) } + [nil]
var count = Int32(arguments.count - 1)
let code = arguments.withUnsafeMutableBufferPointer { buffer in
    var base = buffer.baseAddress
    return LLVMFuzzerRunDriver(&count, &base) { data, size in
        Fuzzed.target.run(Array(UnsafeBufferPointer(start: data, count: size)))
        return 0
    }
}
exit(code)
