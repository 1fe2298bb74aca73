/// The `input_data` of a chat task.
public enum ChatInput {
    static let roles = ["system", "developer", "user", "assistant", "tool"]

    /// Checks what Chorus reads; other fields are the engine's and pass through.
    static func check(_ fields: inout FieldReader, knownEngines: EngineNames) {
        checkMessages(&fields)
        checkEngines(&fields, knownEngines)
        _ = fields.string("model", length: 1...255)
        _ = fields.integer("max_tokens", in: 1...10_000_000)
        _ = fields.number("temperature", in: 0...2)
        _ = fields.object("response_format")
        checkExpressibility(&fields, knownEngines)
    }

    /// Every engine that the task may be asked of must have words for all of it. Where it names none, those are its project's, or the fleet's
    /// default, as they are now: they may be others when the task runs, and the format itself refuses then.
    private static func checkExpressibility(_ fields: inout FieldReader, _ knownEngines: EngineNames) {
        guard fields.errors.isEmpty, !knownEngines.types.isEmpty else { return }
        let named =
            (fields.object["engine"]?.stringValue).map { [$0] } ?? fields.object["engines"]?.arrayValue?.compactMap(\.stringValue)
            ?? knownEngines.unnamed
        let types = Set(named.compactMap { knownEngines.types[$0] })
        for type in EngineType.allCases where types.contains(type) {
            fields.append(type.inexpressible(in: fields.object, at: fields.pointer))
        }
    }

    private static func checkMessages(_ fields: inout FieldReader) {
        let prompt = fields.string("prompt", length: 1...10_000_000)
        let messages = fields.array("messages", count: 1...10_000)
        switch (fields.value("prompt"), fields.value("messages")) {
        case (nil, nil): fields.fail("messages", "is required, unless there is a 'prompt'")
        case (_?, _?): fields.fail("prompt", "cannot stand beside 'messages'")
        default: break
        }
        guard prompt == nil, let messages else { return }
        for (index, message) in messages.enumerated() where fields.errors.count < 100 {
            let pointer = fields.pointer(to: "messages") + "/\(index)"
            guard let object = message.objectValue else {
                fields.append([FieldError(pointer: pointer, detail: "must be an object, not \(message.kind)")])
                continue
            }
            // Other members (name, tool_calls …) are the engine's.
            var reader = FieldReader(object, at: pointer)
            reader.require("role")
            _ = reader.oneOf("role", roles)
            checkContent(&reader)
            fields.append(reader.errors)
        }
    }

    private static func checkContent(_ message: inout FieldReader) {
        switch message.value("content") {
        case .string, .array: break
        case nil:
            if message.object["tool_calls"] == nil { message.fail("content", "is required") }
        case let other?: message.fail("content", "must be a string or an array of parts, not \(other.kind)")
        }
    }

    private static func checkEngines(_ fields: inout FieldReader, _ knownEngines: EngineNames) {
        let engine = fields.string("engine", length: 1...255)
        if let engine { knownEngines.check(engine, "engine", in: &fields) }
        let engines = knownEngines.read("engines", from: &fields)
        if engine != nil, engines != nil { fields.fail("engine", "cannot stand beside 'engines'") }
        StrategyPlan.check(&fields, engines: engines, knownEngines: knownEngines)
    }

    /// The texts that may hold a parent's tags, each with its pointer: the prompt, and the contents that are strings.
    static func texts(in input: JSONObject) -> [(pointer: String, text: String)] {
        let prompt = (input["prompt"]?.stringValue).map { [("/prompt", $0)] } ?? []
        let messages = (input["messages"]?.arrayValue ?? []).enumerated().compactMap { index, message in
            (message["content"]?.stringValue).map { ("/messages/\(index)/content", $0) }
        }
        return prompt + messages
    }

    /// The input of a parent with its children's outcomes in its texts; nil where no text has a tag.
    public static func rendered(_ input: JSONObject, children: () async throws -> [ChildOutcome]) async throws -> JSONObject? {
        guard texts(in: input).contains(where: { Template.hasTags($0.text) }) else { return nil }
        return try rendered(input, with: try await children().templateContext)
    }

    private static func rendered(_ input: JSONObject, with context: JSONValue) throws(TemplateError) -> JSONObject {
        var renderer = TemplateRenderer(context: context)
        var input = input
        var tags = 0
        func render(_ text: String) throws(TemplateError) -> JSONValue {
            guard Template.hasTags(text) else { return .string(text) }
            let template = try Template(text)
            tags += template.tagCount
            guard tags <= TemplateLimits.tags else { throw .tooManyTags }
            return .string(try renderer.render(template))
        }
        if let prompt = input["prompt"]?.stringValue { input["prompt"] = try render(prompt) }
        if var messages = input["messages"]?.arrayValue {
            for index in messages.indices {
                guard var message = messages[index].objectValue, let content = message["content"]?.stringValue else { continue }
                message["content"] = try render(content)
                messages[index] = .object(message)
            }
            input["messages"] = .array(messages)
        }
        return input
    }
}
