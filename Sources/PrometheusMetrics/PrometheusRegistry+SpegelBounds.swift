extension PrometheusRegistry {
    /// Spegel's own buckets, so that what its dashboards calculate stays comparable. The times have those that Go's
    /// client library gives to every histogram.
    package static let spegelBounds: [String: [Double]] = {
        let times = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        var size = 1024.0
        var sizes: [Double] = []
        for _ in 0..<10 {
            sizes.append(size)
            size *= 5
        }
        return [
            "http_request_duration_seconds": times, "http_response_size_bytes": sizes,
            "spegel_resolve_duration_seconds": times,
        ]
    }()
}
