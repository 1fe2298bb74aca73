import Domain
import Foundation
import Testing

@Suite struct AccountTests {
    @Test(arguments: ["Ada@Example.org", "a+b@x", "dev@localhost", "o'hara.x@a-b.example", "x@1.2"])
    func addressesAreOneInLowerCase(text: String) {
        #expect(EmailAddress(text)?.text == text.lowercased())
    }

    @Test(arguments: [
        "", "a@", "@b", "ab", "a@b@c", "a b@c", "a@b c", "a@-b", "a@b-", "a@b..c", "a@.b", "a@b.", "ä@b", "a@ä.org", "a\n@b", "a@b\u{7F}",
        "a@[1.2.3.4]",
        "\"a\"@b", "a,b@c", "a@" + String(repeating: "b", count: 64), String(repeating: "a", count: 250) + "@b.cd",
    ])
    func otherTextsAreNoAddresses(text: String) { #expect(EmailAddress(text) == nil) }

    private func errors(_ body: JSONValue, needsInvitation: Bool = false) -> [String] {
        do throws(Problem) {
            _ = try NewAccount(reading: body, needsInvitation: needsInvitation)
            return []
        } catch {
            return error.errors.map(\.pointer)
        }
    }

    @Test func passwordsAreLongEnoughAndBounded() {
        func with(_ password: String) -> JSONValue { ["email": "somebody@example.org", "password": .string(password)] }
        #expect(errors(with("elevenchars")) == ["/password"])
        #expect(errors(with("twelve chars")) == [])
        #expect(errors(with("sängerknaben")) == [], "characters count, not bytes")
        #expect(errors(with(String(repeating: "x", count: 1_024))) == [])
        #expect(errors(with(String(repeating: "x", count: 1_025))) == ["/password"])
        #expect(errors(with(String(repeating: "ä", count: 513))) == ["/password"])
        #expect(errors(with("Somebody@example.org")) == ["/password"])
    }

    @Test func everythingWrongIsNamed() {
        #expect(errors([:], needsInvitation: true) == ["/email", "/password", "/invitation"])
        #expect(errors(["email": "x", "password": 7, "full_name": "", "admin": true]) == ["/email", "/password", "/full_name", "/admin"])
        #expect(errors([]) == [""])
    }

    @Test func aPasswordNeverShows() throws {
        let login = try Login(reading: ["email": "A@B", "password": "correct horse battery"])
        #expect(login.email == "a@b" && login.password.text == "correct horse battery")
        #expect(!"\(login) \(String(reflecting: login))".contains("horse"))
    }

    @Test(
        arguments: [
            (["password": "a new long password"], ["/current_password"]), (["current_password": "x"], ["/current_password"]),
            (["password": nil], ["/password"]), (["full_name": ""], ["/full_name"]), (["email": "x@y"], ["/email"]),
            (["full_name": nil], []), ([:], []), (["password": "a new long password", "current_password": "x"], []),
        ] as [(JSONValue, [String])])
    func changes(body: JSONValue, pointers: [String]) {
        do throws(Problem) {
            let change = try AccountChange(reading: body)
            #expect(pointers == [] && (change.password != nil) == (body["password"] != nil))
        } catch {
            #expect(error.errors.map(\.pointer) == pointers)
        }
    }

    @Test func invitationsEnd() throws {
        let now = Date()
        #expect(try NewInvitation(reading: [:], at: now).expiresAt == now.addingTimeInterval(7 * 86_400))
        for seconds: TimeInterval in [-1, 91 * 86_400] {
            let body: JSONValue = ["expires_at": JSONValue(now.addingTimeInterval(seconds))]
            #expect(throws: Problem.self) { try NewInvitation(reading: body, at: now) }
        }
    }

    @Test func claimsAreExactlyOurs() throws {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let claims = SessionClaims(userID: UUID(), sessionID: UUID(), issuedAt: now, expiresAt: now + 60)
        let json = try #require(claims.json.objectValue)
        #expect(SessionClaims(reading: claims.json, at: now) == claims)
        #expect(SessionClaims(reading: claims.json, at: now + 59.9) == claims)
        #expect(SessionClaims(reading: claims.json, at: now + 60) == nil, "it has ended")
        #expect(SessionClaims(reading: claims.json, at: now - 30) == claims, "another clock may be ahead")
        #expect(SessionClaims(reading: claims.json, at: now - 31) == nil)
        for (key, value) in [
            ("iss", "other"), ("sub", "x"), ("sid", nil), ("iat", "1800000000"), ("exp", 1e300), ("exp", nil), ("aud", "x"), ("nbf", 0),
        ] as [(String, JSONValue?)] {
            var other = json
            other[key] = value
            #expect(SessionClaims(reading: .object(other), at: now) == nil, "\(key)")
        }
        #expect(SessionClaims(reading: .array([]), at: now) == nil)
    }
}
