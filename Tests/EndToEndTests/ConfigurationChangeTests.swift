import Logging
import Testing

@testable import chorus

/// What a reload takes up of a configuration that has changed.
@Suite struct ConfigurationChangeTests {
    private func source(_ variables: [String: String]) throws -> ConfigurationSource {
        try ConfigurationSource(path: nil, environment: variables)
    }

    @Test func tellsWhatChangesNowFromWhatWaits() throws {
        let running = try source(["CHORUS_HTTP_BODY_LIMIT": "2000", "CHORUS_HTTP_PORT": "9000"])
        let new = try source(["CHORUS_HTTP_BODY_LIMIT": "4000", "CHORUS_HTTP_PORT": "9001", "CHORUS_LOG_LEVEL": "debug"])
        let change = ConfigurationChange(from: running, to: new)
        #expect(change.live == ["http.body_limit", "log.level"])
        #expect(change.waiting == ["http.port"])
        #expect(try change.effective.integer("http.body_limit") == 4_000)
        #expect(try change.effective.integer("http.port") == 9_000)
        // The key that waits is named until the next start, the others no more.
        let again = ConfigurationChange(from: change.effective, to: new)
        #expect(again.live.isEmpty && again.waiting == ["http.port"])
    }

    @Test func aLevelMovesUnderLoggersThatAreInUse() {
        let live = LiveLogLevel(.notice)
        let logger = Logger(label: "test", factory: { _ in LiveLevelLogHandler(SwiftLogNoOpLogHandler(), live) })
        var copy = logger
        copy[metadataKey: "a"] = "b"
        var own = logger
        own.logLevel = .critical
        #expect(logger.logLevel == .notice && copy.logLevel == .notice && own.logLevel == .critical)
        live.level = .debug
        #expect(logger.logLevel == .debug && copy.logLevel == .debug && own.logLevel == .critical)
    }
}
