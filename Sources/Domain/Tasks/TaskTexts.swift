/// The texts of a task that may hold a parent's tags: what its children gave can stand in them.
public enum TaskTexts {
    /// Where a text stands in a task's input: the pointer is written only for who wants it.
    private enum Place {
        case input, element(Int), prompt, content(Int)

        var pointer: String {
            switch self {
            case .input: "/input"
            case .element(let index): "/input/\(index)"
            case .prompt: "/prompt"
            case .content(let index): "/messages/\(index)/content"
            }
        }
    }

    /// Whether one of them opens a section for the children.
    static func openChildren(in input: JSONObject, type: String) -> Bool {
        contain(input, type: type) { _, text in Template.opensChildren(text) }
    }

    /// Each with its pointer.
    static func texts(in input: JSONObject, type: String) -> [(pointer: String, text: String)] {
        var texts: [(pointer: String, text: String)] = []
        _ = contain(input, type: type) { place, text in
            texts.append((place.pointer, text))
            return false
        }
        return texts
    }

    /// Whether there is one of which that is true: of a chat the prompt, and the contents that are strings; of an embedding its texts.
    private static func contain(_ input: JSONObject, type: String, where matches: (Place, String) -> Bool) -> Bool {
        func isOne(_ value: JSONValue?, _ place: Place) -> Bool { value?.stringValue.map { matches(place, $0) } ?? false }
        if type == TaskType.embedding.rawValue {
            guard let texts = input["input"]?.arrayValue else { return isOne(input["input"], .input) }
            return texts.enumerated().contains { isOne($1, .element($0)) }
        }
        return isOne(input["prompt"], .prompt)
            || (input["messages"]?.arrayValue ?? []).enumerated().contains { isOne($1["content"], .content($0)) }
    }

    /// The input of a parent with its children's outcomes in its texts; nil where no text has a tag.
    public static func rendered(
        _ input: JSONObject, type: String, children: () async throws -> [ChildOutcome]
    ) async throws -> JSONObject? {
        guard contain(input, type: type, where: { Template.hasTags($1) }) else { return nil }
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
