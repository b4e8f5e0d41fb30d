internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Signals that come before there is anything that answers them.
///
/// Their default is to end the process where it stands, in the middle of opening a store, say; and for SIGHUP, which a
/// service manager sends as soon as a file has changed, to end it for no reason at all.
enum EarlySignals {
    /// A bit for each signal that is held, by its number.
    private static let held = Atomic<UInt32>(0)
    /// A bit for each signal that came, by its number.
    private static let came = Atomic<UInt32>(0)

    /// From here on they are noted and do nothing. SIGTERM and SIGINT are noted once: who sends one again, while the
    /// start goes on and on, ends the process. What this process is to ignore, as under nohup, it goes on ignoring.
    static func hold() {
        // What a handler may not do, such as making a global, is done before there is one.
        note(0)
        for number in [SIGHUP, SIGTERM, SIGINT] {
            let old = signal(number) { EarlySignals.note($0) }
            if unsafeBitCast(old, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
                signal(number, SIG_IGN)
            } else {
                held.bitwiseOr(bit(number), ordering: .relaxed)
            }
        }
    }

    /// For a program that does not stay: they do what they always do, and what came does it now.
    static func release() {
        for number in [SIGHUP, SIGTERM, SIGINT] where held.load(ordering: .relaxed) & bit(number) != 0 {
            signal(number, SIG_DFL)
            deliver([number])
        }
    }

    /// What came is sent again, once. Its handler has to be there.
    static func deliver(_ numbers: [Int32]) {
        for number in numbers {
            let bit = bit(number)
            if came.bitwiseAnd(~bit, ordering: .relaxed).oldValue & bit != 0 { kill(getpid(), number) }
        }
    }

    /// Called by the system in the middle of anything: atomic, and no memory is taken.
    private static func note(_ number: Int32) {
        came.bitwiseOr(bit(number), ordering: .relaxed)
        if number == SIGTERM || number == SIGINT { signal(number, SIG_DFL) }
    }

    private static func bit(_ number: Int32) -> UInt32 { number > 0 && number < 32 ? 1 << UInt32(number) : 0 }
}
