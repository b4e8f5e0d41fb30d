-- One line that a script can read: requests, bytes, seconds, errors of any kind.
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %.6f %d\n", summary.requests, summary.bytes, summary.duration / 1e6,
        e.connect + e.read + e.write + e.status + e.timeout))
end
