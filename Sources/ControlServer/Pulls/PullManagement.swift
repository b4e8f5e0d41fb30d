/// What the control server can be asked about pulls of upstreams: who spent them, what more would cost, and to make
/// them ahead of time.
package protocol PullManagement: Sendable {
    func spend(_ query: SpendQuery) async throws(ControlError) -> SpendDocument
    func plan(_ request: PlanRequest) async throws(ControlError) -> PlanDocument
    /// Pulls images into the cache until all are done, or the task is cancelled. Tells on `board` how far it is.
    func warm(_ request: WarmRequest, on board: WarmBoard) async
    /// Refuses a request before anything is done for it.
    func check(_ request: WarmRequest) throws(ControlError)
}
