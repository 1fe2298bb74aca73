/// How a task uses the engines that it names. The raw value is what `input_data.strategy` and `settings.strategy` say.
public enum Strategy: String, Sendable, Hashable, CaseIterable {
    /// One after the other, in order, until one answers.
    case fallback
    /// All at once: the first answer wins, the other calls are stopped.
    case race
    /// All at once: one of the answers is chosen when all calls have ended.
    case ensemble
    /// The one with the least to do and no trouble; the next best where it fails.
    case balance

    /// Every engine is asked, whatever the others say.
    public var asksAll: Bool { self == .race || self == .ensemble }
}

/// How an ensemble chooses among its answers (`choose`).
public enum EnsembleChoice: String, Sendable, Hashable, CaseIterable {
    /// What most of them say: see ``Agreement``.
    case agreement
    /// The one whose engine was surest of its words: see ``Confidence``.
    case confidence
    /// One more engine reads them all.
    case judge
}
