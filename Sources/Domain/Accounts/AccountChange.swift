/// What an account's user wants to be different (`PATCH /v1/account`), checked.
public struct AccountChange: Sendable, Hashable {
    public struct PasswordChange: Sendable, Hashable {
        public var old: Password
        public var new: Password
    }

    public var fullName: FieldChange<String>
    /// nil where the password stays.
    public var password: PasswordChange?

    /// Reads the body; everything wrong with it is in the problem.
    public init(reading body: JSONValue) throws(Problem) {
        var fields = try FieldReader(reading: body)
        fullName = fields.change("full_name") { $0.string("full_name", length: AccountRecord.nameLength) }
        let new = fields.replacement("password") { $0.chosenPassword("password", for: nil) }
        let old = fields.shownPassword("current_password")
        if new != nil, old == nil { fields.fail("current_password", "is required to change the password") }
        if new == nil, old != nil { fields.fail("current_password", "is of use with a new password only") }
        fields.finish()
        guard fields.errors.isEmpty else { throw .invalid(fields.errors) }
        if let new, let old { password = PasswordChange(old: old, new: new) }
    }
}
