/// Holds one task's input against the rules of one format, and gathers what cannot be said.
struct ExpressibilityCheck {
    /// Faults told of one task; a body of thousands of messages may have one in each.
    static let maxErrors = 100

    let rules: ExpressibilityRules
    let type: EngineType
    let pointer: String
    private(set) var errors: [FieldError] = []
    /// Tool calls that were made so far: a tool's answer must belong to one.
    private var toolCalls: Set<String> = []

    init(rules: ExpressibilityRules, type: EngineType, pointer: String) {
        self.rules = rules
        self.type = type
        self.pointer = pointer
    }

    mutating func check(_ input: JSONObject) {
        for member in input.members where rules.unknownFields.contains(member.key) && asksForSomething(member) {
            fail("/\(member.key)", "has no counterpart in the format")
        }
        if let temperature = input["temperature"]?.doubleValue, !rules.temperature.contains(temperature) {
            fail("/temperature", "must be \(rules.temperature.lowerBound) to \(rules.temperature.upperBound)")
        }
        checkResponseFormat(input["response_format"])
        checkToolChoice(input["tool_choice"])
        checkMessages(input["messages"]?.arrayValue ?? [])
    }

    private mutating func fail(_ path: String, _ detail: String) {
        guard errors.count < Self.maxErrors else { return }
        errors.append(FieldError(pointer: pointer + path, detail: "\(detail) (engines of type '\(type.rawValue)')"))
    }

    private func asksForSomething(_ member: JSONObject.Member) -> Bool {
        switch (member.key, member.value) {
        case ("parallel_tool_calls", let value): value == false
        case ("n", let value): value != 1 && !value.isNull
        case ("modalities", let value): value != ["text"] && !value.isNull
        case (_, .null): false
        case (_, .bool(let value)): value
        case (_, .number(let number)): number.doubleValue != 0
        case (_, .string(let text)): !text.isEmpty
        case (_, .array(let elements)): !elements.isEmpty
        case (_, .object(let object)): !object.isEmpty
        }
    }

    private mutating func checkResponseFormat(_ format: JSONValue?) {
        guard let format, !format.isNull else { return }
        switch format["type"]?.stringValue {
        case "text": return
        case "json_object" where rules.takesJSONWithoutSchema: return
        case "json_object": fail("/response_format/type", "must be text or json_schema: JSON is given by schema only")
        case "json_schema":
            if format["json_schema"]?["schema"]?.objectValue == nil { fail("/response_format/json_schema/schema", "must be an object") }
        default: fail("/response_format/type", "must be text, json_object or json_schema")
        }
    }

    private mutating func checkToolChoice(_ choice: JSONValue?) {
        let name: String
        switch choice {
        case nil, .null: return
        case .string(let word): name = word
        case let other?: name = other["type"]?.stringValue ?? other.kind
        }
        if !rules.toolChoices.contains(name) { fail("/tool_choice", "cannot be '\(name.prefix(40))'") }
    }

    private mutating func checkMessages(_ messages: [JSONValue]) {
        var turnsBegan = false
        for (index, message) in messages.enumerated() where errors.count < Self.maxErrors {
            let path = "/messages/\(index)"
            switch message["role"]?.stringValue {
            case "system", "developer":
                if turnsBegan, !rules.takesSystemAnywhere { fail("\(path)/role", "must stand before all other messages") }
            case "tool":
                turnsBegan = true
                guard let id = message["tool_call_id"]?.stringValue, toolCalls.contains(id) else {
                    fail("\(path)/tool_call_id", "must name a tool call of an earlier message")
                    continue
                }
            default:
                turnsBegan = true
                checkToolCalls(message["tool_calls"], path)
            }
            checkParts(message["content"]?.arrayValue ?? [], path)
        }
    }

    private mutating func checkToolCalls(_ calls: JSONValue?, _ path: String) {
        for (index, call) in (calls?.arrayValue ?? []).enumerated() {
            if let id = call["id"]?.stringValue { toolCalls.insert(id) }
            let arguments = call["function"]?["arguments"]
            guard arguments?.stringValue.map(Self.isObject) ?? (arguments?.objectValue != nil) else {
                fail("\(path)/tool_calls/\(index)/function/arguments", "must be the text of a JSON object")
                continue
            }
        }
    }

    private static func isObject(_ text: String) -> Bool { text.isEmpty || (try? JSONValue(parsing: text))?.objectValue != nil }

    private mutating func checkParts(_ parts: [JSONValue], _ path: String) {
        for (index, part) in parts.enumerated() {
            let path = "\(path)/content/\(index)"
            guard let type = part["type"]?.stringValue, ExpressibilityRules.openAIParts.contains(type) else { continue }
            guard rules.contentParts.contains(type) else {
                fail("\(path)/type", "'\(type)' has no counterpart in the format")
                continue
            }
            if type == "image_url" { checkImage(part, path) }
        }
    }

    private mutating func checkImage(_ part: JSONValue, _ path: String) {
        let text = part["image_url"]?["url"]?.stringValue ?? part["image_url"]?.stringValue
        switch text.map(ImageReference.init(_:)) {
        case .data?: return
        case .address? where rules.takesImageAddresses: return
        case .address?: fail("\(path)/image_url/url", "must be a data: URL: images are sent along")
        case .unreadable?: fail("\(path)/image_url/url", "must be an http or https URL, or data:image/…;base64,…")
        case nil: fail("\(path)/image_url/url", "is required")
        }
    }
}
