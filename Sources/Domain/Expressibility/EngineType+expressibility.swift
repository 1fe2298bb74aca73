extension EngineType {
    /// What an engine of this type cannot be told of a chat task's `input_data`, field by field; empty where it can be told everything.
    ///
    /// One truth for both ends: the gateway refuses with it (422) where a task names its engine, and the format refuses with it before
    /// the call leaves, which matters for tasks whose engine is chosen later.
    ///
    /// - Parameter pointer: where `input` stands in the caller's body.
    public func inexpressible(in input: JSONObject, at pointer: String = "") -> [FieldError] {
        guard let rules = expressibilityRules else { return [] }
        var check = ExpressibilityCheck(rules: rules, type: self, pointer: pointer)
        check.check(input)
        return check.errors
    }

    /// Fields of a task that this type's format has no counterpart of: they never reach an engine, whatever they hold.
    public var fieldsWithoutCounterpart: Set<String> { expressibilityRules?.unknownFields ?? [] }

    /// nil for OpenAI's own format, in whose terms tasks are written.
    var expressibilityRules: ExpressibilityRules? {
        switch self {
        case .openai: nil
        case .anthropic: .anthropic
        case .gemini: .gemini
        case .ollama: .ollama
        }
    }
}
