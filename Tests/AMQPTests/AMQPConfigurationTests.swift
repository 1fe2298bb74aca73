import Testing

@testable import AMQP

@Suite(.timeLimit(.minutes(1)))
struct AMQPConfigurationTests {
    @Test func readsEveryPart() throws {
        let configuration = try AMQPConfiguration(
            url: "amqp://us%65r:p%40ss%3A%2F@one:1234,two,[::1]:99/my%2Fhost?heartbeat=3&connection_name=a%20b&connect_timeout=2")
        #expect(configuration.user == "user")
        #expect(configuration.password == "p@ss:/")
        #expect(configuration.endpoints == [.init(host: "one", port: 1234), .init(host: "two", port: 5672), .init(host: "::1", port: 99)])
        #expect(configuration.virtualHost == "my/host")
        #expect(configuration.heartbeat == .seconds(3))
        #expect(configuration.connectTimeout == .seconds(2))
        #expect(configuration.connectionName == "a b")
        #expect(configuration.tls == nil)
    }

    @Test func hasDefaults() throws {
        let configuration = try AMQPConfiguration(url: "amqp://")
        #expect(configuration.endpoints == [.init(host: "localhost", port: 5672)])
        #expect(configuration.virtualHost == "/")
        #expect(configuration.user == "guest")
        #expect(configuration.heartbeat == .seconds(10))
        #expect(try AMQPConfiguration(url: "amqp://host/").virtualHost == "/")
        #expect(try AMQPConfiguration(url: "amqp://host/%2F").virtualHost == "/")
    }

    @Test func verifiesTLSPeersUnlessToldOtherwise() throws {
        let verified = try AMQPConfiguration(url: "amqps://host?cacertfile=/ca.pem&certfile=/c.pem&keyfile=/k.pem")
        #expect(verified.endpoints == [.init(host: "host", port: 5671)])
        #expect(verified.tls?.verifiesPeer == true)
        #expect(verified.tls?.authorityFile == "/ca.pem")
        #expect(verified.tls?.certificateFile == "/c.pem")
        #expect(verified.tls?.keyFile == "/k.pem")
        #expect(try AMQPConfiguration(url: "amqps://host?verify=verify_none").tls?.verifiesPeer == false)
    }

    @Test(arguments: [
        "", "host", "http://host", "amqp://u:secret@host:0", "amqp://u:secret@host:99999", "amqp://u:secret@host:x",
        "amqp://u:secret@host?heartbeat=x", "amqp://u:secret@host?heartbeat=0", "amqp://u:secret@host?what=1", "amqp://u:secret%0@host",
        "amqp://u:secret%00@host", "amqp://u:secret%FF@host", "amqp://u:secret@host?heartbeat",
    ])
    func refusesWhatItCannotUse(url: String) {
        #expect {
            try AMQPConfiguration(url: url)
        } throws: { error in
            (error as? AMQPError)?.code == .invalid && !"\(error)".contains("secret")
        }
    }

    @Test func neverShowsThePassword() throws {
        let configuration = try AMQPConfiguration(url: "amqp://user:secret@host")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(text.contains("user") && !text.contains("secret"))
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct AMQPErrorTests {
    @Test func labelsAreBounded() {
        #expect(AMQPError(.channelClosed, "x", brokerCode: 404, brokerText: "y").shortDescription == "channel_closed_404")
        #expect(AMQPError(.channelClosed, "x", brokerCode: 70_000).shortDescription == "channel_closed")
        #expect(AMQPError(.timedOut, "x").shortDescription == "timed_out")
    }

    @Test func mistakesAreNotRetried() {
        #expect(!AMQPError(.channelClosed, "x", brokerCode: 404).isRetryable)
        #expect(!AMQPError(.authenticationFailed, "x", brokerCode: 403).isRetryable)
        #expect(AMQPError(.connectionClosed, "x", brokerCode: 320).isRetryable)
        #expect(AMQPError(.unconfirmed, "x", outcomes: [.unknown]).isRetryable)
        #expect(!AMQPError(.unconfirmed, "x", outcomes: [.returned(code: 312, text: "NO_ROUTE")]).isRetryable)
    }

    @Test func unsendableMessagesAreRefused() {
        let long = String(repeating: "x", count: 256)
        var deep: AMQPFieldValue = .int(1)
        for _ in 0..<40 { deep = .table(["k": deep]) }
        for message in [
            AMQPMessage(exchange: long, routingKey: "", body: []), AMQPMessage(exchange: "", routingKey: long, body: []),
            AMQPMessage(exchange: "", routingKey: "", body: [], messageID: long),
            AMQPMessage(exchange: "", routingKey: "", body: [1, 2, 3, 4, 5]),
            AMQPMessage(exchange: "", routingKey: "", body: [], headers: [long: 1]),
            AMQPMessage(exchange: "", routingKey: "", body: [], headers: ["deep": deep]),
        ] {
            #expect(throws: AMQPError.self) { try message.validate(maxBodySize: 4) }
        }
    }
}
