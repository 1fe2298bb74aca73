/// The texts of a task that may hold a parent's tags: what its children gave can stand in them.
public enum TaskTexts {
    /// Whether one of them opens a section for the children.
    static func openChildren(in input: JSONObject, type: String) -> Bool {
        contain(Template.opensChildren, input, type: type)
    }

    /// Whether one of them has tags.
    private static func haveTags(in input: JSONObject, type: String) -> Bool { contain(Template.hasTags, input, type: type) }

    private static func contain(_ matches: (String) -> Bool, _ input: JSONObject, type: String) -> Bool {
        func isText(_ value: JSONValue?) -> Bool { value?.stringValue.map(matches) ?? false }
        if type == TaskType.embedding.rawValue {
            guard let texts = input["input"]?.arrayValue else { return isText(input["input"]) }
            return texts.contains(where: isText)
        }
        return isText(input["prompt"]) || input["messages"]?.arrayValue?.contains { isText($0["content"]) } ?? false
    }

    /// Each with its pointer: of a chat the prompt, and the contents that are strings; of an embedding its texts.
    static func texts(in input: JSONObject, type: String) -> [(pointer: String, text: String)] {
        if type == TaskType.embedding.rawValue {
            if let text = input["input"]?.stringValue { return [("/input", text)] }
            return (input["input"]?.arrayValue ?? []).enumerated().compactMap { index, text in
                text.stringValue.map { ("/input/\(index)", $0) }
            }
        }
        let prompt = (input["prompt"]?.stringValue).map { [("/prompt", $0)] } ?? []
        let messages = (input["messages"]?.arrayValue ?? []).enumerated().compactMap { index, message in
            (message["content"]?.stringValue).map { ("/messages/\(index)/content", $0) }
        }
        return prompt + messages
    }

    /// The input of a parent with its children's outcomes in its texts; nil where no text has a tag.
    public static func rendered(
        _ input: JSONObject, type: String, children: () async throws -> [ChildOutcome]
    ) async throws -> JSONObject? {
        guard haveTags(in: input, type: type) else { return nil }
        return try rendered(input, type: type, with: try await children().templateContext)
    }

    private static func rendered(_ input: JSONObject, type: String, with context: JSONValue) throws(TemplateError) -> JSONObject {
        var renderer = TemplateRenderer(context: context)
        var input = input
        var tags = 0
        func render(_ value: JSONValue?) throws(TemplateError) -> JSONValue? {
            guard let text = value?.stringValue, Template.hasTags(text) else { return value }
            let template = try Template(text)
            tags += template.tagCount
            guard tags <= TemplateLimits.tags else { throw .tooManyTags }
            return .string(try renderer.render(template))
        }
        if type == TaskType.embedding.rawValue {
            if var texts = input["input"]?.arrayValue {
                for index in texts.indices { texts[index] = try render(texts[index]) ?? .null }
                input["input"] = .array(texts)
            } else {
                input["input"] = try render(input["input"])
            }
            return input
        }
        input["prompt"] = try render(input["prompt"])
        if var messages = input["messages"]?.arrayValue {
            for index in messages.indices {
                guard var message = messages[index].objectValue else { continue }
                message["content"] = try render(message["content"])
                messages[index] = .object(message)
            }
            input["messages"] = .array(messages)
        }
        return input
    }
}
