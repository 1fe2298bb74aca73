public import FoundationEssentials

/// The quotas of some projects, counted down as what they allow is given away: pure.
///
/// A task that fits into what is left, and not beside what others may use, waits until those have ended. One that does not even fit into
/// what is left cannot run in this month, unless a limit is raised.
public struct QuotaBook: Sendable {
    public enum Verdict: Sendable, Hashable {
        /// It is reserved.
        case taken
        /// It may fit when tasks that run have used less than they may. Nothing is reserved.
        case waits(Quota)
        /// It cannot fit before the quota's reset. Nothing is reserved.
        case exceeds(Quota)
    }

    private var quotas: [UUID: Quota] = [:]
    /// The quotas that bound each project.
    private let bounds: [UUID: [UUID]]

    /// - Parameter bounding: each project beside a quota that bounds it, its account's or its own.
    public init(_ bounding: [(projectID: UUID, quota: Quota)]) {
        quotas = Dictionary(bounding.map { ($0.quota.id, $0.quota) }, uniquingKeysWith: { first, _ in first })
        bounds = Dictionary(grouping: bounding) { $0.projectID }.mapValues { $0.map(\.quota.id) }
    }

    public var isEmpty: Bool { quotas.isEmpty }

    /// The quotas that bound the project, each as it stands now.
    public func quotas(of projectID: UUID) -> [Quota] { (bounds[projectID] ?? []).compactMap { quotas[$0] } }

    /// Reserves what something of the project may use, in all of its quotas or in none. Types without a quota are not bounded.
    public mutating func take(_ amounts: [QuotaType: Int], of projectID: UUID) -> Verdict {
        var waits: Quota?
        for quota in quotas(of: projectID) {
            let amount = amounts[quota.type] ?? 0
            // What uses nothing is never held back, also where a limit was lowered below what is used.
            guard amount > 0 else { continue }
            if amount > quota.limit - quota.used { return .exceeds(quota) }
            if amount > quota.limit - quota.used - quota.reserved { waits = waits ?? quota }
        }
        if let waits { return .waits(waits) }
        for quota in quotas(of: projectID) { quotas[quota.id]?.reserved += amounts[quota.type] ?? 0 }
        return .taken
    }

    /// A quota of these types of which nothing is left.
    public func exhausted(_ types: [QuotaType], of projectID: UUID) -> Quota? {
        quotas(of: projectID).first { types.contains($0.type) && $0.left == 0 }
    }
}
