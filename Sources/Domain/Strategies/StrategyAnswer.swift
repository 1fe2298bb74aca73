/// What choosing among answers looks at.
public struct StrategyAnswer: Sendable, Hashable {
    /// What it says; nil where nobody compares it.
    public var meaning: AnswerMeaning?
    /// From its tokens, 0 to 1; nil where the engine gave none. See ``Confidence``.
    public var confidence: Double?

    public init(meaning: AnswerMeaning? = nil, confidence: Double? = nil) {
        self.meaning = meaning
        self.confidence = confidence
    }
}

/// The answer that a task completes with, and why it is that one.
public struct ChosenAnswer: Sendable, Hashable {
    /// Its engine's position in the plan.
    public var position: Int
    /// 0 to 1; nil where there is nothing to compute it from.
    public var confidence: Double?
    /// The positions of those that say the same, itself included; empty where nothing was compared.
    public var agreeing: [Int]
    /// How many engines were asked, and how many of them answered.
    public var asked: Int
    public var answered: Int
    public var choice: EnsembleChoice
    /// For a person.
    public var reason: String

    public init(
        position: Int, confidence: Double?, agreeing: [Int] = [], asked: Int = 0, answered: Int = 0, choice: EnsembleChoice = .agreement,
        reason: String = ""
    ) {
        self.position = position
        self.confidence = confidence
        self.agreeing = agreeing
        self.asked = asked
        self.answered = answered
        self.choice = choice
        self.reason = reason
    }

    func explained(_ reason: String) -> ChosenAnswer {
        var copy = self
        if !reason.isEmpty { copy.reason = reason }
        return copy
    }

    /// What `output_data.agreement` says of an ensemble's choice.
    public func agreement(among engines: [String]) -> JSONValue {
        [
            "agreeing": .array(agreeing.filter(engines.indices.contains).map { .string(engines[$0]) }),
            "asked": .number(JSONNumber(asked)), "answered": .number(JSONNumber(answered)), "chosen_by": .string(choice.rawValue),
            "reason": .string(reason),
        ]
    }
}
