import HTTPTypes
import NIOCore
import Operations
import TestSupport
import Testing

@testable import Gateway

/// Where connections come from, how they end, and what a reload changes for them.
@Suite(.timeLimit(.minutes(1))) struct ListenerTests {
    private static let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"

    /// The socket stays when a gateway goes: who comes in between waits for the next one.
    @Test func servesOnASocketThatOutlivesIt() async throws {
        let socket = try ListeningSocket()
        for _ in 0..<2 {
            // The kernel takes this one while no gateway is there.
            try await RawConnection.with(port: socket.port) { connection in
                try await connection.send(Self.request)
                try await GatewayFixture.with(configure: { $0.passedSocket = socket.duplicate() }) { fixture in
                    #expect(fixture.port == socket.port)
                    let head = try await connection.head()
                    #expect(head.hasPrefix("HTTP/1.1 200") && head.contains("\r\nDate: "), "\(head)")
                }
            }
        }
    }

    /// A request that is on its way when the gateway is told to end is answered, and the answer says that it is the last one.
    @Test func endsConnectionsWithAWord() async throws {
        try await GatewayFixture.with { fixture in
            try await RawConnection.with(port: fixture.port) { fresh in
                try await RawConnection.with(port: fixture.port) { silent in
                    try await RawConnection.with(port: fixture.port) { rested in
                        try await rested.send(Self.request)
                        var (answers, isEnding) = ("", false)
                        for try await piece in rested.inbound {
                            answers += String(buffer: piece).lowercased()
                            guard !isEnding else { continue }
                            isEnding = true
                            await fixture.stop()
                            try await eventually("nobody listens any more", every: .milliseconds(2)) {
                                !LoopbackProbe.isListening(port: fixture.port)
                            }
                            try await rested.send(Self.request)
                            try await fresh.send(Self.request)
                        }
                        #expect(answers.split(separator: "http/1.1 200", omittingEmptySubsequences: false).count == 3, "\(answers)")
                        #expect(answers.split(separator: "connection: close", omittingEmptySubsequences: false).count == 2, "\(answers)")
                    }
                    let answer = try await fresh.answer().lowercased()
                    #expect(answer.hasPrefix("http/1.1 200") && answer.contains("\r\nconnection: close\r\n"), "\(answer)")
                    let nothing = try await silent.answer()
                    #expect(nothing == "")
                }
            }
        }
    }

    @Test func aReloadChangesWhatIsGranted() async throws {
        try await GatewayFixture.with { fixture in
            let project = "{\"project_name\":\"\(String(repeating: "x", count: 200))\"}"
            #expect(try await fixture.send(.post, "/v1/projects", project).status == 201)
            var changed = fixture.configuration
            changed.bodyLimit = 100
            changed.corsOrigins = ["https://console.example.com"]
            changed.registration = .closed
            fixture.gateway.reload(changed)
            #expect(try await fixture.send(.post, "/v1/projects", project).status == 413)
            let page = try await fixture.send(.get, "/v1/projects", headers: [.origin: "https://console.example.com"])
            #expect(page.head.headerFields[.accessControlAllowOrigin] == "https://console.example.com")
            let account = #"{"email":"new@example.org","password":"correct horse battery"}"#
            #expect(try await fixture.send(.post, "/v1/accounts", account, key: "").status == 403)
            changed.connectionsPerAddress = 1
            fixture.gateway.reload(changed)
            // Those that were closed a moment ago may still be counted.
            var isTaken = false
            try await eventually("there is room for one") {
                try await RawConnection.with(port: fixture.port) { first in
                    try? await first.send(Self.request)
                    isTaken = (try? await first.head())?.hasPrefix("HTTP/1.1 200") == true
                    guard isTaken else { return }
                    try await RawConnection.with(port: fixture.port) { second in
                        let nothing = try await second.answer()
                        #expect(nothing == "")
                    }
                }
                return isTaken
            }
            fixture.gateway.reload(fixture.configuration)
            #expect(try await fixture.send(.get, "/v1/projects").status == 200)
        }
    }
}
