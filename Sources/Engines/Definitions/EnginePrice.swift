import Domain

/// What a million tokens cost, in USD.
public struct EnginePrice: Sendable, Hashable {
    public var promptPerMillion: Double
    public var completionPerMillion: Double

    public init(promptPerMillion: Double, completionPerMillion: Double) {
        self.promptPerMillion = promptPerMillion
        self.completionPerMillion = completionPerMillion
    }

    /// The price of one call, in USD.
    public func cost(of usage: TokenUsage) -> Double {
        (Double(usage.promptTokens) * promptPerMillion + Double(usage.completionTokens) * completionPerMillion) / 1_000_000
    }

    /// The same in whole millionths of a USD, as `results.token_usage.cost_micro_usd` holds it: sums of them are exact.
    public func microUSD(of usage: TokenUsage) -> Int {
        // A USD a million tokens is a millionth of a USD a token.
        let cost = Double(usage.promptTokens) * promptPerMillion + Double(usage.completionTokens) * completionPerMillion
        return Int(exactly: cost.rounded()) ?? 0
    }

    init(_ reader: inout FieldReader) {
        reader.require("prompt_per_million")
        reader.require("completion_per_million")
        promptPerMillion = reader.number("prompt_per_million", in: 0...1_000_000) ?? 0
        completionPerMillion = reader.number("completion_per_million", in: 0...1_000_000) ?? 0
        reader.finish()
    }

    var json: JSONValue {
        [
            "prompt_per_million": JSONValue(floatLiteral: promptPerMillion),
            "completion_per_million": JSONValue(floatLiteral: completionPerMillion),
        ]
    }
}
