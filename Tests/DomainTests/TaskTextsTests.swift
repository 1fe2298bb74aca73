import Testing

@testable import Domain

@Suite struct TaskTextsTests {
    private static let tag: JSONValue = "{{completed_count}}"

    /// What is checked for tags when a task is accepted is what is rendered when it runs, and nothing else.
    @Test(
        arguments: [
            ("chat", ["prompt": tag, "input": tag, "system": tag, "engine": tag, "messages": tag]),
            (
                "chat",
                ["prompt": [tag], "input": [tag], "messages": [["role": tag, "content": tag], ["content": [tag]], tag, ["text": tag]]]
            ),
            ("chat", ["prompt": ["content": tag], "messages": ["content": tag], "judge": ["prompt": tag]]),
            ("embedding", ["input": tag, "prompt": tag, "messages": [["content": tag]]]),
            ("embedding", ["input": [tag, 1, [tag], tag, .null, ["input": tag]], "prompt": tag]),
            ("embedding", ["input": ["input": tag]]),
        ] as [(String, JSONObject)])
    func whatIsCheckedIsWhatIsRendered(type: String, input: JSONObject) async throws {
        let rendered = try await TaskTexts.rendered(input, type: type) { [] }
        let changed = Self.strings(.object(rendered ?? input)).filter { $0.text == "0" }.map(\.pointer)
        #expect(changed == TaskTexts.texts(in: input, type: type).map(\.pointer).sorted())
        #expect(Self.strings(.object(rendered ?? input)).map(\.pointer) == Self.strings(.object(input)).map(\.pointer), "nothing is lost")
    }

    /// All texts in a value, by their pointers.
    private static func strings(_ value: JSONValue, at pointer: String = "") -> [(pointer: String, text: String)] {
        if let text = value.stringValue { return [(pointer, text)] }
        let members = value.objectValue?.members.map { ($0.key, $0.value) } ?? []
        let elements = (value.arrayValue ?? []).enumerated().map { ("\($0.offset)", $0.element) }
        return (members + elements).flatMap { strings($1, at: "\(pointer)/\($0)") }.sorted { $0.pointer < $1.pointer }
    }
}
