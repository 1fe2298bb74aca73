public import FoundationEssentials

/// The quota over which a request is refused, as its answer says it: in the body, and in header fields that clients know.
public struct ExhaustedQuota: Sendable, Hashable {
    public var quota: Quota
    /// Until the quota's reset, rounded up.
    public var secondsToReset: Int

    public init(_ quota: Quota, at now: Date) {
        self.quota = quota
        secondsToReset = max(1, Int(quota.resetsAt.timeIntervalSince(now).rounded(.up)))
    }

    /// The policy's name: the type for an account's quota, `project-` before it for a project's budget.
    public var policy: String { (quota.projectID == nil ? "" : "project-") + quota.type.rawValue }

    /// `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10 (structured fields, RFC 9651): the limit and its unit. A month has no
    /// fixed length, so the policy names no window.
    public var policyField: String { "\"\(policy)\";q=\(quota.limit);qu=\"\(quota.type.rawValue)\"" }

    /// `RateLimit` of the same draft: what is left, and seconds until the reset.
    public var limitField: String { "\"\(policy)\";r=\(quota.remaining);t=\(secondsToReset)" }
}

extension Problem {
    /// The problem type that the draft registers; its member `violated-policies` names the policy.
    static let quotaExceededType = "https://iana.org/assignments/http-problem-types#quota-exceeded"

    /// A request that a quota does not allow: 429, which says what the limit is, what is left, and when it is reset.
    public static func exhausted(_ quota: Quota, wanted: Int, at now: Date) -> Problem {
        let whose = quota.projectID == nil ? "the account's quota" : "the project's budget"
        let detail =
            quota.remaining == 0
            ? "The \(quota.type.words) of this month are used up: \(whose) is \(quota.limit)."
            : "The request needs \(wanted) \(quota.type.words), and \(whose) of \(quota.limit) has \(quota.remaining) left in this month."
        var problem = Problem(status: 429, title: "Quota exceeded", detail: detail)
        let exhausted = ExhaustedQuota(quota, at: now)
        problem.quota = exhausted
        problem.retryAfter = exhausted.secondsToReset
        return problem
    }
}
