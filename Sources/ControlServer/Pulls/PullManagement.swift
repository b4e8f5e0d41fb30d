/// What the control server can be asked about pulls of upstreams: who spent them, what more would cost, and to make
/// them ahead of time.
package protocol PullManagement: Sendable {
    func spend(_ query: SpendQuery) async throws(ControlError) -> SpendDocument
    func plan(_ request: PlanRequest) async throws(ControlError) -> PlanDocument
    /// Pulls images into the cache until all are done, or the task is cancelled. Tells on `board` how far it is.
    func warm(_ request: WarmRequest, on board: WarmBoard) async
    /// Refuses a request before anything is done for it.
    func check(_ request: WarmRequest) throws(ControlError)
    /// Tries the upstream of one rule, or of every rule where none is named.
    /// - Parameter image: what to ask for, as the upstream names it; nil: what is known.
    func validate(rule: String?, image: String?) async throws(ControlError) -> [RuleValidationDocument]
}
