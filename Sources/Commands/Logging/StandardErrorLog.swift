internal import Logging
internal import Synchronization
internal import Timekeeping

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Writes log events to standard error, each in one call, so that lines of several threads never mix.
struct StandardErrorLog: LogHandler {
    private let format: ServiceConfiguration.LogFormat
    private let sharedLevel: SharedLogLevel
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(format: ServiceConfiguration.LogFormat, level: SharedLogLevel) {
        self.format = format
        sharedLevel = level
    }

    /// The level that all handlers share, unless one was set for this logger alone.
    var logLevel: Logger.Level {
        get { ownLevel ?? sharedLevel.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var merged = metadata
        if let provided = metadataProvider?.get() { merged.merge(provided) { _, new in new } }
        if let own = event.metadata { merged.merge(own) { _, new in new } }
        if let error = event.error, merged["error"] == nil { merged["error"] = .string("\(error)") }
        let time = TimeText.utc(SystemWallClock().now())
        let line =
            switch format {
            case .text:
                LogLine.text(time: time, level: event.level, message: event.message.description, metadata: merged)
            case .json:
                LogLine.json(time: time, level: event.level, message: event.message.description, metadata: merged)
            }
        writeFully(line, to: STDERR_FILENO)
    }
}

/// The least level that is written, which a reload may change for every logger at once.
final class SharedLogLevel: Sendable {
    private let index: Atomic<Int>

    init(_ level: Logger.Level) { index = Atomic(Self.index(of: level)) }

    var level: Logger.Level {
        get { Logger.Level.allCases[index.load(ordering: .relaxed)] }
        set { index.store(Self.index(of: newValue), ordering: .relaxed) }
    }

    private static func index(of level: Logger.Level) -> Int {
        Logger.Level.allCases.firstIndex(of: level) ?? 0
    }
}

/// Writes all of `text`. What a closed or full descriptor does not take is lost, since nobody is left to tell.
func writeFully(_ text: String, to descriptor: CInt) {
    var text = text
    text.withUTF8 { bytes in
        var offset = 0
        while offset < bytes.count {
            let written = write(descriptor, bytes.baseAddress?.advanced(by: offset), bytes.count - offset)
            if written > 0 {
                offset += written
            } else if written < 0, errno == EINTR {
                continue
            } else {
                return
            }
        }
    }
}
