/// What one wire format has no words for, as a table.
///
/// A task's `input_data` is written in the terms of OpenAI's chat completions. A field of those that a format cannot say is refused at
/// acceptance rather than dropped in silence; a field that is nobody's known one passes through, since it is between caller and engine.
struct ExpressibilityRules: Sendable {
    /// Fields that the format has no counterpart of. A value that asks for nothing (null, false, 0, empty, and 1 for `n`) is let through.
    var unknownFields: Set<String>
    var temperature: ClosedRange<Double> = 0...2
    /// Types of content parts that can be said. What has a type that is not OpenAI's is the format's own, and passes through.
    var contentParts: Set<String>
    /// An image may be named by an `http` or `https` address, and not only be sent along.
    var takesImageAddresses = true
    /// Instructions may stand between the turns, and not only before them.
    var takesSystemAnywhere = false
    /// JSON can be asked for without a schema.
    var takesJSONWithoutSchema = true
    /// What `tool_choice` may be; `function` stands for a function that is named.
    var toolChoices: Set<String> = ["auto", "none", "required", "function"]
}

extension ExpressibilityRules {
    /// What OpenAI's own parts are called.
    static let openAIParts: Set<String> = ["text", "image_url", "input_audio", "file", "refusal"]

    /// Anthropic's Messages API: no log-probabilities, no seed, no penalties, temperatures up to 1, JSON by schema only.
    static let anthropic = ExpressibilityRules(
        unknownFields: [
            "n", "logprobs", "top_logprobs", "seed", "frequency_penalty", "presence_penalty", "logit_bias", "modalities", "audio",
            "prediction", "reasoning_effort", "verbosity",
        ],
        temperature: 0...1, contentParts: ["text", "image_url", "refusal"], takesJSONWithoutSchema: false)

    /// Gemini's generateContent: tools may be called in parallel always, and no tokens may be weighed.
    static let gemini = ExpressibilityRules(
        unknownFields: ["n", "logit_bias", "modalities", "audio", "prediction", "parallel_tool_calls", "reasoning_effort", "verbosity"],
        contentParts: ["text", "image_url", "input_audio", "refusal"])

    /// Ollama's chat: pictures are sent along only, and the model alone chooses its tools.
    static let ollama = ExpressibilityRules(
        unknownFields: ["n", "logit_bias", "modalities", "audio", "prediction", "parallel_tool_calls", "reasoning_effort", "verbosity"],
        contentParts: ["text", "image_url", "refusal"], takesImageAddresses: false, takesSystemAnywhere: true,
        toolChoices: ["auto", "none"])
}
