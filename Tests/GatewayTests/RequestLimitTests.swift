import Domain
import HTTPTypes
import Store
import Testing

@testable import Gateway

/// What a gateway grants of time, connections and requests.
@Suite(.timeLimit(.minutes(1))) struct RequestLimitTests {
    private let start = ContinuousClock.now

    @Test func aRateGivesItsBurstAndThenItsPace() {
        var table = RateTable<String>(rate: 2, burst: 4)
        for _ in 0..<4 {
            #expect(table.wait("a", at: start) == nil)
            table.count("a", at: start)
        }
        let wait = table.wait("a", at: start) ?? 0
        #expect(wait > 0.49 && wait < 0.51)
        #expect(table.wait("b", at: start) == nil)
        #expect(table.wait("a", at: start + .milliseconds(501)) == nil)
    }

    @Test func aTableOfRatesIsBounded() {
        var table = RateTable<Int>(rate: 1, burst: 1, capacity: 100)
        for key in 0..<10_000 { table.count(key, at: start) }
        #expect(table.wait(9_999, at: start) != nil)
        #expect(table.wait(0, at: start) == nil)
    }

    @Test func onlyTrustedProxiesNameTheirCallers() throws {
        let proxies = try #require(TrustedProxies(["10.0.0.0/8", "::1"]))
        #expect(proxies.client(connection: "192.0.2.1", forwardedFor: "198.51.100.7") == "192.0.2.1")
        #expect(proxies.client(connection: "10.1.2.3", forwardedFor: "198.51.100.7") == "198.51.100.7")
        #expect(proxies.client(connection: "::1", forwardedFor: "203.0.113.9, 198.51.100.7, 10.9.9.9") == "198.51.100.7")
        #expect(proxies.client(connection: "10.1.2.3", forwardedFor: "rubbish") == "10.1.2.3")
        #expect(proxies.client(connection: "::ffff:10.1.2.3", forwardedFor: "198.51.100.7") == "198.51.100.7")
        #expect(TrustedProxies(["10.0.0.0/33"]) == nil && TrustedProxies(["host"]) == nil)
    }

    @Test func slowSendersAreCutOff() async throws {
        try await GatewayFixture.with(configure: { $0.headTimeout = .milliseconds(200) }) { fixture in
            try await RawConnection.with(port: fixture.port) { connection in
                try await connection.send("GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow:")
                #expect(try await connection.answer() == "")
            }
        }
        try await GatewayFixture.with(configure: { $0.bodyTimeout = .milliseconds(200) }) { fixture in
            try await RawConnection.with(port: fixture.port) { connection in
                try await connection.send(
                    "POST /v1/projects HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(fixture.key.secret)\r\ncontent-length: 100\r\n\r\n{")
                #expect(!(try await connection.answer()).hasPrefix("HTTP/1.1 2"))
            }
        }
    }

    @Test func largeHeadersAreRefused() async throws {
        try await GatewayFixture.with { fixture in
            try await RawConnection.with(port: fixture.port) { connection in
                try await connection.send("GET /healthz HTTP/1.1\r\nhost: x\r\nx-large: \(String(repeating: "a", count: 40_000))\r\n\r\n")
                #expect(!(try await connection.answer()).hasPrefix("HTTP/1.1 2"))
            }
        }
    }

    @Test func oneAddressCannotTakeAllConnections() async throws {
        try await GatewayFixture.with(configure: { $0.connectionsPerAddress = 1 }) { fixture in
            try await RawConnection.with(port: fixture.port) { first in
                try await first.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
                #expect(try await first.head().hasPrefix("HTTP/1.1 200"))
                try await RawConnection.with(port: fixture.port) { second in
                    let answer = try await second.answer()
                    #expect(answer == "")
                }
            }
        }
    }

    @Test func tooManyRequestsAreToldToWait() async throws {
        try await GatewayFixture.with(configure: { $0.requestsPerSecond = 1 }) { fixture in
            var statuses: [Int] = []
            for _ in 0..<10 { statuses.append(try await fixture.send(.get, "/v1/projects").status) }
            #expect(statuses.first == 200 && statuses.contains(429))
            let other = try await fixture.send(.get, "/v1/projects", key: fixture.strangersKey.secret)
            #expect(other.status == 200)
        }
        try await GatewayFixture.with(configure: { $0.refusalsPerMinute = 3 }) { fixture in
            for _ in 0..<3 { #expect(try await fixture.send(.get, "/v1/projects", key: "chs_wrong").status == 401) }
            let refused = try await fixture.send(.get, "/v1/projects", key: "chs_wrong")
            #expect(refused.status == 429 && refused.head.headerFields[.retryAfter] != nil)
        }
    }

    @Test func browsersMayCallFromNamedOriginsOnly() async throws {
        let console = "https://console.example.com"
        try await GatewayFixture.with(configure: { $0.corsOrigins = [console] }) { fixture in
            let asked = try await fixture.send(
                .options, "/v1/projects", key: "", headers: [.origin: console, .accessControlRequestMethod: "POST"])
            #expect(asked.status == 204 && asked.head.headerFields[.accessControlAllowOrigin] == console)
            let called = try await fixture.send(.get, "/v1/projects", headers: [.origin: console])
            #expect(called.status == 200 && called.head.headerFields[.accessControlAllowOrigin] == console)
            let foreign = try await fixture.send(.get, "/v1/projects", headers: [.origin: "https://example.org"])
            #expect(foreign.head.headerFields[.accessControlAllowOrigin] == nil)
        }
        try await GatewayFixture.with { fixture in
            let asked = try await fixture.send(
                .options, "/v1/projects", key: "", headers: [.origin: console, .accessControlRequestMethod: "POST"])
            #expect(asked.status == 405 && asked.head.headerFields[.accessControlAllowOrigin] == nil)
        }
    }
}
