/// What a member is to become, as a caller asks for it, checked.
public struct MemberChange: Sendable, Hashable {
    public var role: ProjectRole
    /// The account's address, where the path names no id.
    public var email: String?

    /// Reads the body of `PUT /v1/projects/{id}/members[/{user_id}]`; everything wrong with it is in the problem.
    public init(reading body: JSONValue, namesAccount: Bool) throws(Problem) {
        var fields = try FieldReader(reading: body)
        fields.require("role")
        // The owner is who the project belongs to: nobody else can become one.
        let given = fields.oneOf("role", ProjectRole.allCases.filter { $0 != .owner }.map(\.rawValue)).flatMap(ProjectRole.init)
        if namesAccount {
            fields.require("email")
            email = fields.string("email", length: 3...255)
        }
        fields.finish()
        guard fields.errors.isEmpty, let given else { throw .invalid(fields.errors) }
        role = given
    }
}
