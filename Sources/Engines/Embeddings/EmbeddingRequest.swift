import Domain

/// An embedding task's `input_data`, taken apart.
struct EmbeddingRequest {
    let input: JSONObject
    let model: String
    let texts: [String]
    /// The caller gave one text, and no list.
    var isSingle: Bool { input["input"]?.stringValue != nil }
    let encoding: EmbeddingEncoding

    /// Keys that are said anew by each format, or that are for no engine.
    private static let read = ChatRequest.withheld.union(["input", "dimensions", "encoding_format", "user"])

    /// A permanent error where there is nothing to embed, or the engine's format cannot say it.
    init(_ input: JSONObject, to engine: EngineDefinition) throws(EngineError) {
        let inexpressible = engine.engineType.inexpressible(inEmbedding: input)
        guard inexpressible.isEmpty else {
            let faults = inexpressible.map { "input_data\($0.pointer) \($0.detail)" }.joined(separator: "; ")
            throw EngineError(.permanent, faults, wasSent: false)
        }
        self.input = input
        self.model = input["model"]?.stringValue ?? engine.model
        self.texts = EmbeddingInput.texts(of: input)
        self.encoding = input["encoding_format"]?.stringValue.flatMap(EmbeddingEncoding.init) ?? .float
        guard !texts.isEmpty, texts.count == input["input"]?.arrayValue?.count ?? 1 else {
            throw EngineError(.permanent, "input_data.input must be a text or an array of texts", wasSent: false)
        }
    }

    /// Of the known fields, those that were given.
    func value(_ key: String) -> JSONValue? {
        guard let value = input[key], !value.isNull else { return nil }
        return value
    }

    /// The fields that Chorus does not know: they go to the engine as they are.
    var passedThrough: [JSONObject.Member] { input.members.filter { !Self.read.contains($0.key) } }
}
