import Store
import Testing

@Suite(.timeLimit(.minutes(1))) struct PasswordHashTests {
    private static let cost = ScryptCost(logRounds: 4, blockSize: 8, parallelism: 1)

    @Test func matchesItsPasswordOnly() throws {
        let hash = try PasswordHash(password: "correct horse battery", cost: Self.cost)
        let stored = try #require(PasswordHash(stored: hash.text))
        #expect(stored == hash && stored.cost == Self.cost)
        #expect(try stored.matches("correct horse battery"))
        for other in ["correct horse batterY", "correct horse battery ", "", "correct horse batter"] {
            #expect(try !stored.matches(other))
        }
        #expect(try PasswordHash(password: "correct horse battery", cost: Self.cost) != hash, "each has a salt of its own")
        #expect("\(hash)" == "[redacted]")
    }

    /// Made with Python's hashlib.scrypt(b"correct horse battery", salt=b"0123456789abcdef", n=1024, r=8, p=2, dklen=32).
    @Test func readsWhatOthersWrote() throws {
        let text = "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$faCG2Y2MU7gpu0yKEJONexUzhBri6oOSfKdyxUHubQ0"
        let hash = try #require(PasswordHash(stored: text))
        #expect(try hash.matches("correct horse battery"))
        #expect(try !hash.matches("correct horse"))
    }

    /// What stands in a column is read like anything from outside.
    @Test(arguments: [
        "", "x", "$scrypt$ln=10,r=8,p=2$MDEy", "$argon2id$v=19$m=1,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg",
        "$scrypt$ln=0,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg",
        "$scrypt$ln=63,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg",
        "$scrypt$ln=20,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg",
        "$scrypt$ln=10,r=-8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg",
        "$scrypt$r=8,ln=10,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg", "$scrypt$ln=10,r=8,p=1$!!!!$MDEyMzQ1Njc4OWFiY2RlZg",
        "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$", "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEy$",
    ])
    func refusesOtherTexts(text: String) { #expect(PasswordHash(stored: text) == nil) }

    /// A hash of an earlier release, at its cost: whoever has it logs in, and is hashed anew.
    @Test func earlierCostsAreReadAndToldApart() throws {
        let hash = try #require(PasswordHash(stored: "$scrypt$ln=15,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg"))
        #expect(hash.cost != .standard)
    }
}
