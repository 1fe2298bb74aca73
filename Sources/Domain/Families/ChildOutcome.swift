public import FoundationEssentials

/// What a parent's text can say of one child.
public struct ChildOutcome: Sendable, Hashable {
    public var id: UUID
    public var type: String
    public var executionOrder: Int
    public var status: TaskStatus
    public var errorMessage: String?
    public var output: JSONValue?
    public var metadata: JSONValue?

    public init(
        id: UUID, type: String, executionOrder: Int, status: TaskStatus, errorMessage: String?, output: JSONValue?, metadata: JSONValue?
    ) {
        self.id = id
        self.type = type
        self.executionOrder = executionOrder
        self.status = status
        self.errorMessage = errorMessage
        self.output = output
        self.metadata = metadata
    }

    /// How much of `metadata` a text can use.
    static let metadataLimit = 100

    /// What stands under `children` in the text's context; `number` counts from 1.
    ///
    /// Each child has a member `children` of its own, false: a section for the children cannot be opened inside itself, so a text grows
    /// with the number of children, not with its powers.
    func context(number: Int) -> JSONValue {
        [
            "task_id": .string(id.text), "task_type": .string(type), "execution_order": .number(JSONNumber(executionOrder)),
            "status": .string(status.rawValue), "completed": .bool(status == .completed), "error_message": JSONValue(errorMessage),
            "number": .number(JSONNumber(number)), "output": output ?? .null, "metadata": scalars, "children": false,
        ]
    }

    private var scalars: JSONValue {
        var object = JSONObject()
        for member in (metadata?.objectValue?.members ?? []).prefix(Self.metadataLimit) {
            switch member.value {
            case .bool, .number, .string: object[member.key] = member.value
            case .null, .array, .object: break
            }
        }
        return .object(object)
    }
}

extension [ChildOutcome] {
    /// What a parent's text is rendered with.
    public var templateContext: JSONValue {
        [
            "children": .array(enumerated().map { $0.element.context(number: $0.offset + 1) }),
            "completed_count": .number(JSONNumber(count { $0.status == .completed })),
            "failed_count": .number(JSONNumber(count { $0.status == .failed })),
        ]
    }
}
