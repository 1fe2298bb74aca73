import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Synchronization

/// Shows the certificate that its files hold now: whoever renews it puts the new files in their place, and needs to tell nobody.
///
/// New connections see the new one, those that are open go on. Files that cannot be used, or do not belong together because only one of them
/// is new yet, change nothing.
final class CertificateWatch: Service {
    private struct State {
        var identity: TLSIdentity
        /// What it was read from.
        var contents: TLSFiles.Contents
        /// What was wrong with the files at the last look, so that it is said once.
        var failure: TLSFiles.Failure?
    }

    private let files: TLSFiles
    private let pace: Duration
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameter pace: how often the files are read.
    /// - Throws: `TLSFiles.Failure` where they cannot be used.
    init(_ files: TLSFiles, pace: Duration, logger: Logger) throws {
        self.files = files
        self.pace = pace
        self.logger = logger
        let contents = try files.contents()
        state = Mutex(State(identity: try files.identity(in: contents), contents: contents))
    }

    var configuration: TLSConfiguration {
        var configuration = state.withLock { $0.identity.configuration }
        configuration.sslContextCallback = { [self] _, promise in promise.succeed(state.withLock { $0.identity.replacement }) }
        return configuration
    }

    func run() async {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            try? await cancelWhenGracefulShutdown { try await ContinuousClock().sleep(for: self.pace) }
            look()
        }
    }

    private func look() {
        do throws(TLSFiles.Failure) {
            let contents = try files.contents()
            guard state.withLock({ $0.contents != contents }) else { return state.withLock { $0.failure = nil } }
            let identity = try files.identity(in: contents)
            state.withLock { $0 = State(identity: identity, contents: contents) }
            logger.notice("the certificate was read anew")
        } catch {
            let isNew = state.withLock { state in
                defer { state.failure = error }
                return state.failure != error
            }
            if isNew { logger.error("the certificate's files have changed, and cannot be used", metadata: [LogKey.error: "\(error)"]) }
        }
    }
}
