/// An account as somebody asks for it, checked.
public struct NewAccount: Sendable, Hashable {
    public var email: EmailAddress
    public var password: Password
    public var fullName: String?
    /// The code of an invitation.
    public var invitation: String?

    /// Characters of a code that could be one.
    public static let invitationLength = 1...255

    /// Reads the body of `POST /v1/accounts`; everything wrong with it is in the problem.
    public init(reading body: JSONValue, needsInvitation: Bool) throws(Problem) {
        var fields = try FieldReader(reading: body)
        fields.require("email")
        fields.require("password")
        if needsInvitation { fields.require("invitation") }
        let email = fields.email("email")
        let password = fields.chosenPassword("password", for: email)
        fullName = fields.string("full_name", length: AccountRecord.nameLength)
        invitation = fields.string("invitation", length: Self.invitationLength)
        fields.finish()
        guard fields.errors.isEmpty, let email, let password else { throw .invalid(fields.errors) }
        self.email = email
        self.password = password
    }
}
