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

    /// Every engine that the task may be asked of must have words for all of it.
    private static func checkExpressibility(_ fields: inout FieldReader, _ knownEngines: EngineNames) {
        guard fields.errors.isEmpty else { return }
        for type in knownEngines.types(askedBy: fields.object) {
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

    /// Who is asked, and how: the same for all tasks that call engines.
    static func checkEngines(_ fields: inout FieldReader, _ knownEngines: EngineNames) {
        let engine = fields.string("engine", length: 1...255)
        if let engine { knownEngines.check(engine, "engine", in: &fields) }
        let engines = knownEngines.read("engines", from: &fields)
        if engine != nil, engines != nil { fields.fail("engine", "cannot stand beside 'engines'") }
        StrategyPlan.check(&fields, engines: engines, knownEngines: knownEngines)
    }
}
