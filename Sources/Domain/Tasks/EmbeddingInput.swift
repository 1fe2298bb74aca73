/// The `input_data` of an embedding task: texts that become vectors.
public enum EmbeddingInput {
    /// Texts of one task: what OpenAI takes in a request.
    static let maxTexts = 2_048
    /// Characters of one text; models take far less.
    static let maxCharacters = 1_000_000

    /// Checks what Chorus reads; other fields are the engine's and pass through.
    static func check(_ fields: inout FieldReader, knownEngines: EngineNames) {
        checkTexts(&fields)
        for key in ["prompt", "messages"] where fields.value(key) != nil {
            fields.fail(key, "is for tasks of type 'chat': texts to embed stand in 'input'")
        }
        ChatInput.checkEngines(&fields, knownEngines)
        if let strategy = fields.object["strategy"]?.stringValue.flatMap(Strategy.init), strategy.asksAll {
            fields.fail("strategy", "must be fallback or balance: vectors of several engines cannot be compared")
        }
        _ = fields.string("model", length: 1...255)
        _ = fields.integer("dimensions", in: 1...65_536)
        _ = fields.oneOf("encoding_format", EmbeddingEncoding.allCases.map(\.rawValue))
        guard fields.errors.isEmpty else { return }
        for type in knownEngines.types(askedBy: fields.object) {
            fields.append(type.inexpressible(inEmbedding: fields.object, at: fields.pointer))
        }
    }

    private static func checkTexts(_ fields: inout FieldReader) {
        switch fields.value("input") {
        case nil: fields.fail("input", "is required: a text, or an array of them")
        case .string: _ = fields.string("input", length: 1...maxCharacters)
        case .array:
            for (index, text) in (fields.array("input", count: 1...maxTexts) ?? []).enumerated() where fields.errors.count < 100 {
                let pointer = "\(fields.pointer(to: "input"))/\(index)"
                switch text.stringValue?.unicodeScalars.count {
                case nil: fields.fail(at: pointer, "must be a string, not \(text.kind)")
                case (1...maxCharacters)?: break
                case _?: fields.fail(at: pointer, "must have 1 to \(maxCharacters) characters")
                }
            }
        case let other?: fields.fail("input", "must be a string or an array of strings, not \(other.kind)")
        }
    }

    /// The texts to embed, whether one or many.
    public static func texts(of input: JSONObject) -> [String] {
        switch input["input"] {
        case .string(let text): [text]
        case .array(let texts): texts.compactMap(\.stringValue)
        default: []
        }
    }
}

/// How vectors are written (`encoding_format`).
public enum EmbeddingEncoding: String, Sendable, Hashable, CaseIterable {
    /// An array of numbers.
    case float
    /// Base64 of 32-bit floats, the least significant byte first, as OpenAI gives it.
    case base64
}
