/// What somebody shows to log in (`POST /v1/sessions`).
public struct Login: Sendable, Hashable {
    /// In lower case. What is no address belongs to no account, and is answered like one that nobody has.
    public var email: String
    public var password: Password

    /// Reads the body; everything wrong with it is in the problem.
    public init(reading body: JSONValue) throws(Problem) {
        var fields = try FieldReader(reading: body)
        fields.require("email")
        fields.require("password")
        let email = fields.string("email", length: 1...255)
        let password = fields.shownPassword("password")
        fields.finish()
        guard fields.errors.isEmpty, let email, let password else { throw .invalid(fields.errors) }
        self.email = email.lowercased()
        self.password = password
    }
}

extension Problem {
    /// The same for an address that nobody has and for a wrong password.
    public static let loginRefused = Problem(
        status: 401, title: "Unauthorized", detail: "There is no account with this email address and password.")

    /// Said only to those who know the password.
    public static let accountIsDisabled = Problem.forbidden("This account is disabled.")

    public static let emailIsTaken = Problem.conflict(
        "There is an account with this email address already.", errors: [FieldError(pointer: "/email", detail: "is taken")])
}
