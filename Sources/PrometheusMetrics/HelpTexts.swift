extension PrometheusRegistry {
    /// What each metric of Weir means, for its `# HELP` line.
    package static let helpTexts: [String: String] = [
        "process_cpu_seconds_total": "User and system CPU time spent, in seconds.",
        "process_max_fds": "Maximum number of open file descriptors.",
        "process_open_fds": "Number of open file descriptors.",
        "process_resident_memory_bytes": "Resident memory size in bytes.",
        "process_virtual_memory_bytes": "Virtual memory size in bytes.",
        "weir_metrics_refused_series_total": "Metric series not exposed because of the bound on their number.",
    ]
}
