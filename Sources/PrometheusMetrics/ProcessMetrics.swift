package import CoreMetrics
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What the kernel knows of this process, under the names that every Prometheus client gives it.
package final class ProcessMetrics: Sendable {
    private let residentMemory: Gauge
    private let virtualMemory: Gauge
    private let cpuSeconds: FloatingPointCounter
    /// How much of the CPU time the counter has.
    private let countedSeconds = Mutex<Double>(0)
    private let openDescriptors: Gauge
    private let descriptorLimit: Gauge

    package init(factory: any MetricsFactory) {
        residentMemory = Gauge(label: "process_resident_memory_bytes", dimensions: [], factory: factory)
        virtualMemory = Gauge(label: "process_virtual_memory_bytes", dimensions: [], factory: factory)
        cpuSeconds = FloatingPointCounter(label: "process_cpu_seconds_total", dimensions: [], factory: factory)
        openDescriptors = Gauge(label: "process_open_fds", dimensions: [], factory: factory)
        descriptorLimit = Gauge(label: "process_max_fds", dimensions: [], factory: factory)
    }

    /// Reads them anew. Takes well under a millisecond; what cannot be read keeps its value.
    package func update() {
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            let spent = seconds(usage.ru_utime) + seconds(usage.ru_stime)
            countedSeconds.withLock { counted in
                cpuSeconds.increment(by: spent - counted)
                counted = spent
            }
        }
        if let (virtual, resident) = Self.memoryPages() {
            let pageSize = Int64(sysconf(Int32(_SC_PAGESIZE)))
            virtualMemory.record(virtual * pageSize)
            residentMemory.record(resident * pageSize)
        }
        if let count = Self.countDescriptors() { openDescriptors.record(count) }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            descriptorLimit.record(Double(limit.rlim_cur))
        }
    }

    private func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    /// The first two numbers of `/proc/self/statm`: virtual and resident size, in pages.
    private static func memoryPages() -> (virtual: Int64, resident: Int64)? {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let length = read(descriptor, &bytes, bytes.count)
        guard length > 0 else { return nil }
        let numbers = bytes[..<length].split(separator: UInt8(ascii: " ")).prefix(2)
            .compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
        guard numbers.count == 2 else { return nil }
        return (numbers[0], numbers[1])
    }

    private static func countDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Without ".", ".." and the descriptor that lists.
        return max(0, count - 3)
    }
}
