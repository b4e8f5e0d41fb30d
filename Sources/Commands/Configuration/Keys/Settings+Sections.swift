internal import PullThroughCache

extension ServerTLSSettings {
    static var keys: [Setting<Self>] {
        [
            Setting("certificate", \.certificate, .existingFile("a PEM file"), "The certificate, with its chain."),
            Setting("key", \.key, .existingFile("a PEM file"), "The certificate's private key."),
        ]
    }
}

extension StorageSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "directory", \.directory, .path("a directory"), standard: .string("/var/lib/weir"),
                "Where blobs and catalogue are kept; made if it is missing. Default for a user who may not write there: "
                    + "~/.local/share/weir."),
            Setting(
                "limit", \.limit, .storeCap, standard: .string("85%"),
                "What the store is kept under: bytes, or a share of the file system less what others have on it."),
            Setting(
                "highWatermark", \.highWatermark, Format.percent().located, standard: .string("95%"),
                "The share of the limit at which eviction begins."),
            Setting(
                "lowWatermark", \.lowWatermark, Format.percent().located, standard: .string("85%"),
                "The share of the limit at which eviction ends."),
        ]
    }
}

extension RefreshSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "allowFrom", \.allowFrom, Format.addressBlock.list,
                standard: .array([.string("127.0.0.0/8"), .string("::1/128")]),
                "Clients that may have an answer confirmed by the upstream with 'Cache-Control: no-cache'.")
        ]
    }
}

extension LimitSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "manifestBytes", \.manifestBytes, .size(64 << 10...64 << 20), standard: .string("4MiB"),
                "The largest manifest."),
            Setting(
                "memoryBytes", \.memoryBytes, .size(0...64 << 30), standard: .string("16MiB"),
                "Memory for manifests that are answered without touching the disk."),
            Setting(
                "windowBytes", \.windowBytes, .size(1 << 20...1 << 30), standard: .string("8MiB"),
                "Memory of one transfer that the disk cannot take."),
            Setting(
                "fillsPerUpstream", \.fillsPerUpstream, .integer(1...1024), standard: .integer(16),
                "Transfers at one time from one upstream."),
            Setting(
                "waitingPerUpstream", \.waitingPerUpstream, .integer(1...1_000_000), standard: .integer(4096),
                "Requests that wait for one upstream's turn; more are refused."),
            Setting(
                "requestsPerUpstream", \.requestsPerUpstream, .integer(1...1024), standard: .integer(32),
                "Requests other than transfers at one time to one upstream."),
            Setting(
                "fetchAheadPerUpstream", \.fetchAheadPerUpstream, .integer(0...1024), standard: .integer(8),
                "Layers fetched at one time from one upstream before a client asks for them; 0 fetches none ahead."),
            Setting(
                "connectionsPerBlob", \.connectionsPerBlob, .integer(1...64), standard: .integer(8),
                "Connections for one large blob where a single one is slower than several; 1 always uses one."),
            Setting(
                "unsizedBlobBytes", \.unsizedBlobBytes, .size(1 << 20...1 << 50), standard: .string("16GiB"),
                "The largest blob whose size nobody says beforehand."),
            Setting(
                "fillAttempts", \.fillAttempts, .integer(1...100), standard: .integer(5),
                "Attempts of one transfer, each going on where the last broke off."),
            Setting(
                "headerBytes", \.headerBytes, .size(4 << 10...1 << 20), standard: .string("32KiB"),
                "A request's line and fields together."),
            Setting(
                "connections", \.connections, .integer(1...1_000_000), standard: .integer(16_384),
                "Clients connected at one time."),
            Setting(
                "unreferencedGrace", \.unreferencedGrace, .duration(.seconds(10)...DurationText.longest),
                standard: .string("10m"), "How long a blob is kept that no image names."),
            Setting(
                "spendRetention", \.spendRetention, .duration(.seconds(3600)...DurationText.longest),
                standard: .string("30d"), "How long is kept who spent which pulls of the upstreams."),
        ]
    }
}

extension ServerTimeoutSettings {
    static var keys: [Setting<Self>] {
        let range = Duration.milliseconds(100)...Duration.seconds(86_400)
        return [
            Setting(
                "header", \.header, .duration(range), standard: .string("10s"),
                "From a request's first byte to the end of its fields."),
            Setting("idle", \.idle, .duration(range), standard: .string("2m"), "A connection without a request."),
            Setting(
                "write", \.write, .duration(range), standard: .string("1m"), "A client that takes no byte of an answer."
            ),
            Setting(
                "drain", \.drain, .duration(.zero...Duration.seconds(86_400)), standard: .string("30s"),
                "How long running transfers may go on after the service was told to end."),
        ]
    }
}

extension ProxyFileSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "http", \.http, .proxy, standard: .string("$HTTP_PROXY"),
                "The proxy to upstreams that speak plain HTTP."),
            Setting(
                "https", \.https, .proxy, standard: .string("$HTTPS_PROXY"), "The proxy to upstreams that speak TLS."),
            Setting(
                "exceptions", \.exceptions, Format.text("a host, '.suffix', address, address block or '*'").list,
                standard: .string("$NO_PROXY"), "Upstreams reached directly."),
        ]
    }
}

extension LogSettings {
    static let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]

    static var keys: [Setting<Self>] {
        [
            Setting(
                "format", \.format, .choice(["text", "json"]), standard: .string("text"), "How lines are written."),
            Setting("level", \.level, .choice(levels), standard: .string("info"), "The least that is written."),
            Setting("access", \.access, .flag, standard: .bool(true), "Whether every request is written."),
        ]
    }
}

extension ControlSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "socket", \.socket, .path("a path"), standard: .string("control.sock in the storage directory"),
                "The Unix socket of the control server; at most 100 bytes long. Only its owner may connect.")
        ]
    }
}
