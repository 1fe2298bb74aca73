import Domain

/// Source: Ollama documentation, "Errors" (docs.ollama.com/api/errors), as of November 2026. Its errors have words only, so that the
/// status decides: 503 is a full queue, 500 a model that failed or could not be loaded, 404 one that is not there, 502 an unreachable cloud.
extension OllamaChat {
    var errorRules: [ErrorRule] {
        [
            // Told with 500, or within a stream; the runner that loads the model is there in a moment.
            ErrorRule(.refused, messagePrefix: "llm server loading model"),
            ErrorRule(.refused, messagePrefix: "server busy"),
            // More memory comes with no second try.
            ErrorRule(.permanent, messagePrefix: "model requires more system memory"),
        ]
    }

    /// `{"error": "…"}`, as a body and as a stream's last line alike.
    func complaint(in body: JSONValue) -> EngineComplaint? {
        guard let error = body["error"], !error.isNull else { return nil }
        return EngineComplaint(message: error.stringValue ?? error["message"]?.stringValue ?? error.text)
    }
}
