/// Why a person does something: the optional `reason` in the body of `POST …/cancel` and its like.
public enum ActionReason {
    /// Reads the body; nil where it gives no reason.
    public static func read(_ body: JSONValue) throws(Problem) -> String? {
        var fields = try FieldReader(reading: body)
        let reason = read(from: &fields)
        fields.finish()
        guard fields.errors.isEmpty else { throw .invalid(fields.errors) }
        return reason
    }

    static func read(from fields: inout FieldReader) -> String? { fields.string("reason", length: 1...1_000) }
}
