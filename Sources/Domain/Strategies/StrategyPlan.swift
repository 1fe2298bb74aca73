/// Which engines a task asks, and how.
///
/// A task that names engines says how itself; else its project's `settings` say both; else there is the fleet's default alone. The first
/// engine is the one that the claim's statement opens a call for (`chorus_first_engine`); a test holds the two equal.
public struct StrategyPlan: Sendable, Hashable {
    public var strategy: Strategy
    /// Each once, in the caller's order.
    public var engines: [String]
    /// Of an ensemble.
    public var choice: EnsembleChoice
    /// The engine that judges, where ``choice`` is `judge`.
    public var judge: String?

    public init(_ strategy: Strategy = .fallback, engines: [String], choice: EnsembleChoice = .agreement, judge: String? = nil) {
        self.strategy = strategy
        self.engines = engines
        self.choice = choice
        self.judge = judge
    }

    /// - Parameter standard: the engine of tasks for which nobody names one.
    public init(of input: JSONObject, settings: ProjectSettings, standard: String?) {
        if let engine = input["engine"]?.stringValue {
            self.init(engines: [engine])
        } else if let engines = input["engines"]?.arrayValue?.compactMap(\.stringValue), !engines.isEmpty {
            self.init(engines, as: input)
        } else if let engines = settings.engines, !engines.isEmpty {
            self.init(engines, as: settings.object)
        } else {
            self.init(engines: standard.map { [$0] } ?? [])
        }
    }

    /// `object` says how, and was checked when it was accepted.
    private init(_ engines: [String], as object: JSONObject) {
        let judge = object["judge"]?.stringValue
        self.init(
            object["strategy"]?.stringValue.flatMap(Strategy.init) ?? .fallback,
            // Nearly always there is one, or a few.
            engines: engines.enumerated().filter { !engines[..<$0.offset].contains($0.element) }.map(\.element),
            choice: object["choose"]?.stringValue.flatMap(EnsembleChoice.init) ?? (judge == nil ? .agreement : .judge), judge: judge)
    }

    /// The same engines one after the other, where it would ask them all at once: for answers that cannot be compared.
    public var inTurn: StrategyPlan { strategy.asksAll ? StrategyPlan(engines: engines) : self }

    /// Whether an outcome has to tell how it came about: more than one engine might have given it.
    public var isTold: Bool { strategy != .fallback || engines.count > 1 }
}

extension StrategyPlan {
    /// Checks `strategy`, `choose` and `judge` beside the `engines` that were read from the same object.
    static func check(_ fields: inout FieldReader, engines: [String]?, knownEngines: EngineNames) {
        let strategy = fields.oneOf("strategy", Strategy.allCases.map(\.rawValue)).flatMap(Strategy.init)
        let choice = fields.oneOf("choose", EnsembleChoice.allCases.map(\.rawValue)).flatMap(EnsembleChoice.init)
        let judge = fields.string("judge", length: 1...255)
        if let judge { knownEngines.check(judge, "judge", in: &fields) }
        if strategy != nil, fields.value("engines") == nil { fields.fail("strategy", "needs 'engines', a list of them") }
        if strategy == .ensemble {
            if choice == .judge, judge == nil { fields.fail("judge", "is required where 'choose' is 'judge'") }
            if let choice, choice != .judge, judge != nil { fields.fail("judge", "cannot stand beside 'choose': '\(choice.rawValue)'") }
        } else {
            if choice != nil { fields.fail("choose", "is for the strategy 'ensemble' only") }
            if judge != nil { fields.fail("judge", "is for the strategy 'ensemble' only") }
        }
        guard let strategy, strategy.asksAll, let engines else { return }
        for (index, name) in engines.enumerated() where engines[..<index].contains(name) {
            fields.fail(at: "\(fields.pointer(to: "engines"))/\(index)", "is there twice: a \(strategy.rawValue) asks each engine once")
        }
    }
}
