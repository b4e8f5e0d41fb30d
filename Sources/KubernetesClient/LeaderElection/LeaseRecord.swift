/// What a Lease says of who leads. coordination.k8s.io/v1.
package struct ElectionRecord: Sendable, Hashable {
    /// Nil or empty: nobody.
    package var holder: String?
    package var durationSeconds: Int64
    /// As the server wrote it; compared for change, and never with a clock.
    package var renewTime: String?
    package var acquireTime: String?
    package var transitions: Int64

    package init(
        holder: String?, durationSeconds: Int64, renewTime: String? = nil, acquireTime: String? = nil,
        transitions: Int64 = 0
    ) {
        self.holder = holder
        self.durationSeconds = durationSeconds
        self.renewTime = renewTime
        self.acquireTime = acquireTime
        self.transitions = transitions
    }

    /// From a Lease that anybody may have written.
    package init(_ lease: JSONTree) {
        let spec = lease["spec"] ?? [:]
        self.init(
            holder: spec["holderIdentity"]?.string.flatMap { $0.isEmpty ? nil : $0 },
            durationSeconds: min(max(spec["leaseDurationSeconds"]?.integer ?? 15, 1), 3600),
            renewTime: spec["renewTime"]?.string, acquireTime: spec["acquireTime"]?.string,
            transitions: min(max(spec["leaseTransitions"]?.integer ?? 0, 0), Int64(Int32.max) - 1))
    }

    /// The Lease's `spec`. Without a holder the key is left out: newer servers refuse an empty one.
    var specification: JSONTree {
        var spec: JSONTree = [
            "leaseDurationSeconds": .integer(durationSeconds), "leaseTransitions": .integer(transitions),
        ]
        if let holder { spec["holderIdentity"] = .string(holder) }
        if let renewTime { spec["renewTime"] = .string(renewTime) }
        if let acquireTime { spec["acquireTime"] = .string(acquireTime) }
        return spec
    }
}
