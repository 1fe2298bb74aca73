import Domain

/// What `response_format` asks of an answer, and whether the answer keeps to it.
enum ResponseFormat {
    static func asksForJSON(_ input: JSONObject) -> Bool {
        guard let type = input["response_format"]?["type"]?.stringValue else { return false }
        return type == "json_object" || type == "json_schema"
    }

    /// Why `reply` is not what was asked for; nil if it is. Whether it keeps to the schema is between the caller and the engine: that it
    /// is JSON at all is the least that a format promises.
    ///
    /// An answer that was cut at its token limit would be cut there again; another may come out better next time.
    static func fault(in reply: EngineReply, askedFor input: JSONObject) -> EngineError? {
        guard asksForJSON(input), reply.extras["tool_calls"] == nil, reply.extras["refusal"] == nil,
            reply.finishReason != "content_filter"
        else { return nil }
        do {
            _ = try JSONValue(parsing: Array(reply.text.utf8), limits: ReplyReader.limits)
            return nil
        } catch {
            let partial = PartialAnswer(text: reply.text, usage: reply.usage)
            if reply.finishReason == "length" {
                return EngineError(
                    .permanent, "the answer was cut at its token limit, so that it is not JSON", wasSent: true, partial: partial)
            }
            return EngineError(.passing, "the answer is not JSON, which response_format asks for: \(error)", partial: partial)
        }
    }
}
