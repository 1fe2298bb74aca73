import Testing

@testable import Domain

/// Which URLs are taken for webhooks, and what is read into them.
@Suite(.timeLimit(.minutes(1))) struct WebhookURLTests {
    @Test func whatIsTaken() throws {
        let plain = try #require(WebhookURL("https://example.org"))
        #expect(
            (plain.host, plain.port, plain.target, plain.authority) == (
                "example.org", 443, "/", "example.org"
            ))
        let full = try #require(WebhookURL("http://Example.org:8080/a/b?c=d"))
        #expect(
            (full.host, full.port, full.target, full.authority) == (
                "example.org", 8080, "/a/b?c=d", "example.org:8080"
            ))
        let address = try #require(WebhookURL("https://[2001:4860::1]:444?x"))
        #expect(
            (address.host, address.port, address.target, address.authority) == (
                "2001:4860::1", 444, "/?x", "[2001:4860::1]:444"
            ))
    }

    @Test(arguments: [
        "", "example.org", "ftp://example.org/", "https://", "https:///path", "https://a@b.org",
        "https://user:word@b.org/", "https://b.org#x",
        "https://b.org:0/", "https://b.org:65536/", "https://b.org:/", "https://b.org:80x/",
        "https://b org/", "https://b.org/\n",
        "https://bücher.example/", "https://[::1", "https://[::1]x/", "https://[example.org]/",
        "https://b.org\\@c.org/", "https://a_b.org/",
        "https://\(String(repeating: "a", count: 1_000)).org/",
    ]) func whatIsNot(text: String) {
        #expect(WebhookURL(text) == nil)
    }

    @Test func settingsNameEachFault() {
        func pointers(_ webhooks: JSONValue) -> [String] {
            do {
                _ = try NewProject(
                    reading: ["project_name": "x", "settings": ["webhooks": webhooks]],
                    knownEngines: EngineNames(["local"]))
                return []
            } catch {
                return error.errors.map(\.pointer)
            }
        }
        let good: JSONValue = ["url": "https://example.org/", "events": ["task.completed"]]
        #expect(pointers([good]).isEmpty)
        #expect(pointers([good, good]) == ["/settings/webhooks/1/url"])
        #expect(pointers([["url": "https://example.org/"]]) == ["/settings/webhooks/0/events"])
        #expect(
            pointers([["url": "https://example.org/", "events": ["task.done"]]]) == [
                "/settings/webhooks/0/events/0"
            ])
        #expect(
            pointers([["url": "mailto:x@y.z", "events": ["task.completed"]]]) == [
                "/settings/webhooks/0/url"
            ])
        #expect(
            pointers([["url": "https://example.org/", "events": ["task.failed"], "secret": "mine"]]) == [
                "/settings/webhooks/0/secret"
            ])
        #expect(pointers(["x"]) == ["/settings/webhooks/0"])
        #expect(pointers(.array(Array(repeating: good, count: 11))) == ["/settings/webhooks"])
    }

    @Test func theWaitGrowsAndIsBounded() {
        var generator = SystemRandomNumberGenerator()
        var total = Duration.zero
        var attempts = 0
        while total < .seconds(24 * 3_600) {
            attempts += 1
            total += WebhookBackoff.delay(after: attempts, using: &generator)
        }
        #expect((11...16).contains(attempts), "attempts in a day: \(attempts)")
        for attempt in [0, 1, 2, 30, 1_000_000] {
            let wait = WebhookBackoff.delay(after: attempt, using: &generator)
            #expect(wait >= WebhookBackoff.base * 0.8 && wait <= WebhookBackoff.cap * 1.2)
        }
        #expect(WebhookBackoff.delay(after: 1, retryAfter: 60, using: &generator) == .seconds(60))
        #expect(
            WebhookBackoff.delay(after: 1, retryAfter: 1_000_000, using: &generator) == .seconds(3_600))
        #expect(WebhookBackoff.delay(after: 1, retryAfter: -5, using: &generator) <= .seconds(6))
    }
}
