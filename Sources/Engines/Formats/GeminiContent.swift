import Domain
import HTTPTypes

/// Google's Gemini API: `generateContent` and `streamGenerateContent`, which LiteLLM speaks too.
///
/// Source: Gemini API reference, "Generating content" (ai.google.dev/api/generate-content), as of November 2026. The base address ends
/// with `/v1beta`. JSON is asked for with `responseMimeType` and `responseJsonSchema`: the reference names `responseFormat` as their
/// successor, but servers that only speak Gemini's language do not know it yet.
struct GeminiContent: WireFormat {
    var probePath: String { "/models?pageSize=1" }

    func authorize(_ fields: inout HTTPFields, with secret: Secret, at url: EngineURL) {
        if let name = HTTPField.Name("x-goog-api-key") { fields[name] = secret.revealed }
    }

    func makeAccumulator() -> any StreamAccumulator { GeminiContentAccumulator(format: self) }

    /// A whole answer has the shape of a stream's only event.
    func reply(from body: JSONValue) throws(EngineError) -> EngineReply {
        var accumulator = GeminiContentAccumulator(format: self)
        try accumulator.take(body)
        guard !accumulator.draft.isEmpty else { throw EngineError(.passing, "the answer has no candidates[0]") }
        return accumulator.draft.reply
    }

    static func path(model: String, streaming: Bool) -> String {
        path(model: model, method: streaming ? "streamGenerateContent?alt=sse" : "generateContent").path
    }

    /// The path of a model's method, and the model's full name. A name cannot lead anywhere else: in the path all but plain characters is
    /// escaped.
    static func path(model: String, method: String) -> (path: String, model: String) {
        let (collection, name) = model.split(separator: "/", maxSplits: 1).splitModel
        let escaped = name.utf8.reduce(into: "") { path, byte in
            let isPlain =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains(byte)
            path += isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        return ("/\(collection)/\(escaped):\(method)", "\(collection)/\(name)")
    }
}

extension [Substring] {
    /// `models/x` and `tunedModels/x` name their collection; all other names are of `models`.
    fileprivate var splitModel: (collection: Substring, name: String) {
        count == 2 && ["models", "tunedModels"].contains(self[0]) ? (self[0], String(self[1])) : ("models", joined(separator: "/"))
    }
}
