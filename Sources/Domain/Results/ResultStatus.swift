/// What is known of one call to an engine. The raw value is what `results.status` holds.
public enum ResultStatus: String, Sendable, Hashable, CaseIterable {
    /// Written before the request leaves. Can transition to every other status.
    case pending
    /// Answered, and the answer is here. Final.
    case completed
    /// Refused, or answered with an error. Final.
    case failed
    /// Stopped on the way. The worker's last word on it may follow: what it brought, or that it was completed after all.
    case cancelled
    /// The worker was lost while the call was under way: it may have been carried out, and paid for. Final.
    case unknown
}
