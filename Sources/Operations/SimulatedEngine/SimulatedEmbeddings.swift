import Domain
import FoundationEssentials

/// Vectors made of the texts alone: the same text has the same vector in every dialect and run, another text another one.
struct SimulatedEmbeddings: Sendable {
    /// Numbers of a vector where nobody asks for another count.
    static let standardDimensions = 16
    private static let maxDimensions = 8_192
    private static let maxTexts = 2_048

    let model: String
    let texts: [String]
    let dimensions: Int
    let isBase64: Bool

    /// The error is the message of a 400.
    init(_ body: JSONValue, at route: SimulatedRoute) throws(SimulatedRequestError) {
        model = route.model ?? body["model"]?.stringValue ?? "simulated"
        isBase64 = route.dialect == .openai && body["encoding_format"] == "base64"
        let dimensions: JSONValue?
        let texts: [String?]
        switch (route.dialect, route.work) {
        case (.gemini, .embeddings):
            let requests = body["requests"]?.arrayValue ?? []
            texts = requests.map { Self.text(of: $0["content"]) }
            dimensions = requests.first?["outputDimensionality"]
        case (.gemini, _):
            texts = [Self.text(of: body["content"])]
            dimensions = body["outputDimensionality"]
        default:
            texts = body["input"]?.arrayValue?.map(\.stringValue) ?? [body["input"]?.stringValue]
            dimensions = body["dimensions"]
        }
        guard (1...(route.dialect == .gemini ? 100 : Self.maxTexts)).contains(texts.count), !texts.contains(where: { $0?.isEmpty ?? true })
        else { throw SimulatedRequestError(message: "the texts must be strings, not empty, and not too many", code: "invalid_input") }
        self.texts = texts.compactMap { $0 }
        self.dimensions = dimensions?.intValue ?? Self.standardDimensions
        guard (1...Self.maxDimensions).contains(self.dimensions) else {
            throw SimulatedRequestError(message: "the dimensions must be 1 to \(Self.maxDimensions)", code: "invalid_dimensions")
        }
    }

    private static func text(of content: JSONValue?) -> String? {
        content?["parts"]?.arrayValue?.compactMap { $0["text"]?.stringValue }.joined(separator: " ")
    }

    var promptTokens: Int { texts.reduce(0) { $0 + SimulatedCompletion.wordCount($1) } }

    /// Of length 1, as the providers' are.
    var vectors: [[Float]] {
        texts.map { text in
            // FNV-1a: stable over runs, which a Hasher is not.
            let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
            var dice = SplitMix64(state: hash)
            let numbers = (0..<dimensions).map { _ in Float(dice.unit() * 2 - 1) }
            let length = numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return length > 0 ? numbers.map { $0 / length } : numbers
        }
    }

    var values: [JSONValue] {
        vectors.map { vector in
            guard isBase64 else { return .array(vector.compactMap { JSONNumber($0).map(JSONValue.number) }) }
            let bytes = vector.flatMap { value in
                stride(from: 0, to: 32, by: 8).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32($0)) }
            }
            return .string(Data(bytes).base64EncodedString())
        }
    }
}

extension SimulatedDialect {
    func answer(_ embeddings: SimulatedEmbeddings, at route: SimulatedRoute) -> JSONValue {
        let count = JSONValue.number(JSONNumber(embeddings.promptTokens))
        switch self {
        case .openai, .anthropic:
            let data = embeddings.values.enumerated().map { index, vector in
                ["object": "embedding", "index": .number(JSONNumber(index)), "embedding": vector] as JSONValue
            }
            return [
                "object": "list", "data": .array(data), "model": .string(embeddings.model),
                "usage": ["prompt_tokens": count, "total_tokens": count],
            ]
        case .ollama:
            return [
                "model": .string(embeddings.model), "embeddings": .array(embeddings.values), "total_duration": 1, "load_duration": 1,
                "prompt_eval_count": count,
            ]
        case .gemini:
            let values = embeddings.values.map { ["values": $0] as JSONValue }
            let usage: JSONValue = ["promptTokenCount": count]
            return route.work == .embedding
                ? ["embedding": values.first ?? [:], "usageMetadata": usage] : ["embeddings": .array(values), "usageMetadata": usage]
        }
    }
}
