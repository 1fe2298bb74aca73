import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension NIOURLSessionError {
    /// Names what the layers below threw; `delivery` is what the call itself saw leave.
    init(classifying error: any Error, delivery: Delivery) {
        switch error {
        case let error as NIOURLSessionError:
            self.init(error.code, delivery: delivery, detail: error.detail)
        case let error as HTTPClientError:
            self.init(Self.code(of: error), delivery: delivery, detail: error.shortDescription)
        case let error as NIOConnectionError:
            self.init(Self.code(of: error), delivery: delivery, detail: Self.detail(of: error))
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            self.init(.tls, delivery: delivery, detail: "\(error)")
        case HTTPParserError.invalidEOFState:
            self.init(.connectionClosed, delivery: delivery, detail: "in the middle of the answer")
        case is HTTPParserError, is NIOHTTPDecoderError:
            self.init(.invalidResponse, delivery: delivery, detail: "\(error)")
        case is CancellationError:
            self.init(.cancelled, delivery: delivery)
        case let error as IOError:
            self.init(Self.code(of: error, delivery: delivery), delivery: delivery, detail: "\(error)")
        case let error as ChannelError:
            self.init(Self.code(of: error, delivery: delivery), delivery: delivery, detail: "\(error)")
        default:
            self.init(.other, delivery: delivery, detail: "\(error)")
        }
    }

    private static func code(of error: HTTPClientError) -> Code {
        switch error {
        case .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath: .invalidURL
        case .connectTimeout, .getConnectionFromPoolTimeout: .connectTimeout
        case .tlsHandshakeTimeout: .tls
        case .deadlineExceeded: .callTimeout
        case .readTimeout, .writeTimeout: .idleTimeout
        case .remoteConnectionClosed, .uncleanShutdown, .requestStreamCancelled: .connectionClosed
        case .cancelled: .cancelled
        case .alreadyShutdown: .shutdown
        case .traceRequestWithBody, .bodyLengthMismatch, .contentLengthMissing: .invalidRequest
        default:
            if error.shortDescription == HTTPClientError.unsupportedScheme("").shortDescription {
                .invalidURL
            } else if error.shortDescription.hasPrefix("Invalid header") {
                .invalidRequest
            } else {
                .other
            }
        }
    }

    private static func code(of error: NIOConnectionError) -> Code {
        guard !error.connectionErrors.isEmpty else { return .dns }
        let refused = error.connectionErrors.contains { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
        if refused { return .connectionRefused }
        let timedOut = error.connectionErrors.contains { failure in
            guard case .connectTimeout? = failure.error as? ChannelError else { return false }
            return true
        }
        return timedOut ? .connectTimeout : .connectFailed
    }

    private static func detail(of error: NIOConnectionError) -> String {
        let causes = error.connectionErrors.map { "\($0.error)" } + [error.dnsAError, error.dnsAAAAError].compactMap { $0.map { "\($0)" } }
        return "\(error.host):\(error.port): " + causes.joined(separator: "; ")
    }

    private static func code(of error: IOError, delivery: Delivery) -> Code {
        if error.errnoCode == ECONNREFUSED { return .connectionRefused }
        return delivery == .notSent ? .connectFailed : .connectionClosed
    }

    private static func code(of error: ChannelError, delivery: Delivery) -> Code {
        if case .connectTimeout = error { return .connectTimeout }
        return delivery == .notSent ? .connectFailed : .connectionClosed
    }
}
