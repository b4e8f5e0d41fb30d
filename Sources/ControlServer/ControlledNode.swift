/// What the control server of a node can be asked to do.
package protocol ControlledNode: Sendable {
    func status() async throws(ControlError) -> NodeStatusDocument
    /// Who has `reference`: an image, or a digest alone.
    func find(_ reference: String) async throws(ControlError) -> NodeFindDocument
    /// Pulls `reference` through the node's registry and keeps nothing.
    func measure(_ reference: String) async throws(ControlError) -> NodeMeasureDocument
    /// Prometheus text format.
    func metrics() async -> String
    /// Nil when the node takes part; else why not, in words.
    func unreadiness() async -> String?
}
