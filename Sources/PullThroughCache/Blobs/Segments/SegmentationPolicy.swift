/// When a blob is fetched over more connections than one: settings.
package struct Segmentation: Sendable, Hashable {
    /// Connections for one blob at most; 1 switches it off. Default 8.
    package var connectionLimit: Int
    /// The smallest segment worth a connection, in bytes. Default 2 MiB.
    package var minimumBytes: Int64
    /// How long throughput is measured before and after connections are added. Default 150 milliseconds.
    package var measuringInterval: Duration
    /// A transfer that ends within this is left alone. Default 400 milliseconds.
    package var worthwhile: Duration
    /// A connection that brings so much is no bottleneck, in bytes each second. Default 64 MiB.
    package var fastBytesPerSecond: Int64
    /// By which factor throughput must rise for added connections to count as a gain. Default 1.3.
    package var gain: Double
    /// How long an upstream that gained nothing, or refused, is left alone. Default 10 minutes.
    package var pause: Duration

    package init(
        connectionLimit: Int = 8, minimumBytes: Int64 = 2 << 20, measuringInterval: Duration = .milliseconds(150),
        worthwhile: Duration = .milliseconds(400), fastBytesPerSecond: Int64 = 64 << 20, gain: Double = 1.3,
        pause: Duration = .seconds(600)
    ) {
        self.connectionLimit = connectionLimit
        self.minimumBytes = minimumBytes
        self.measuringInterval = measuringInterval
        self.worthwhile = worthwhile
        self.fastBytesPerSecond = fastBytesPerSecond
        self.gain = gain
        self.pause = pause
    }
}

/// Decides, from measured throughput, whether one connection is the bottleneck of a transfer.
///
/// Measures, adds connections, lets them get up to speed, measures again: and goes on only while that helps.
struct SegmentationPolicy: Sendable {
    enum Decision: Sendable, Hashable {
        case wait
        /// Add so many connections.
        case add(Int)
        /// The connections added last gained nothing; add no more, here and to this upstream.
        case stop
    }

    private enum Phase: Sendable {
        /// To `settling` or `done`.
        case measuring(since: Duration, bytes: Int64)
        /// After connections were added: they begin slowly. To `measuring`.
        case settling(until: Duration)
        case done
    }

    private let settings: Segmentation
    private var phase: Phase
    /// Bytes each second before connections were added last.
    private var rateBefore: Double?
    private(set) var connections = 1
    /// Throughput rose when connections were added.
    private(set) var hasGained = false
    /// Until the first step.
    private var isKnownToHelp: Bool

    /// - Parameters:
    ///   - now: since any fixed moment, like all further ones.
    ///   - isKnownToHelp: this upstream gained by it lately; nothing needs to be measured before the first step.
    init(_ settings: Segmentation, now: Duration, isKnownToHelp: Bool) {
        self.settings = settings
        self.isKnownToHelp = isKnownToHelp
        phase = .measuring(since: now, bytes: 0)
    }

    /// - Parameters:
    ///   - received: bytes of the blob that have come, over all connections.
    ///   - missing: bytes that have yet to come.
    mutating func decide(now: Duration, received: Int64, missing: Int64) -> Decision {
        switch phase {
        case .done: return .wait
        case .settling(let until):
            if now >= until { phase = .measuring(since: now, bytes: received) }
            return .wait
        case .measuring(let since, let bytes):
            if isKnownToHelp {
                isKnownToHelp = false
                return add(now: now, missing: missing)
            }
            guard now - since >= settings.measuringInterval else { return .wait }
            let rate = Double(received - bytes) / ((now - since) / .seconds(1))
            if let rateBefore {
                guard rate >= rateBefore * settings.gain else {
                    phase = .done
                    return .stop
                }
                hasGained = true
            }
            rateBefore = rate
            // Nothing came at all: that is a stall, which more connections do not mend.
            guard rate > 0, rate < Double(settings.fastBytesPerSecond) * Double(connections),
                Double(missing) / rate > settings.worthwhile / .seconds(1)
            else {
                phase = .measuring(since: now, bytes: received)
                rateBefore = nil
                return .wait
            }
            return add(now: now, missing: missing)
        }
    }

    /// The caller could add only `count`.
    mutating func added(_ count: Int) {
        connections += count
        // No turn was free: there is nothing to compare with, and another time one may be.
        if count == 0 { rateBefore = nil }
    }

    private mutating func add(now: Duration, missing: Int64) -> Decision {
        let worth = Int(clamping: missing / settings.minimumBytes)
        // Fourfold at a time: few steps, and each a clear difference to measure.
        let wanted = min(connections * 4, settings.connectionLimit, max(1, worth)) - connections
        guard wanted > 0 else {
            phase = .done
            return .wait
        }
        // A new connection costs several round trips before its first byte.
        phase = .settling(until: now + settings.measuringInterval * 2)
        return .add(wanted)
    }
}
