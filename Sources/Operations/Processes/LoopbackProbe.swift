import Glibc

/// One question to a server on the loopback interface, to learn whether it is up.
public enum LoopbackProbe {
    /// Connects, sends `request` and returns the first bytes of the answer (at most 512); nil when there is no server or no answer in time.
    public static func exchange(port: Int, request: [UInt8], within limit: Duration = .seconds(1)) async -> [UInt8]? {
        guard let number = UInt16(exactly: port) else { return nil }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // On loopback a connection is made or refused at once; the timeout is for a server whose backlog is full.
        var timeout = timeval(tv_sec: 0, tv_usec: 200_000)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        guard LoopbackPort.withAddress(number, { connect(descriptor, $0, $1) }) == 0,
            send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
        else { return nil }
        var answer = [UInt8](repeating: 0, count: 512)
        var length = -1
        let hasAnswer = try? await waitUntil(within: limit, every: .milliseconds(5)) {
            length = recv(descriptor, &answer, answer.count, Int32(MSG_DONTWAIT))
            return length >= 0 || (errno != EAGAIN && errno != EINTR)
        }
        guard hasAnswer == true, length > 0 else { return nil }
        return Array(answer[..<length])
    }

    /// Whether `GET path` is answered with status 200.
    public static func isHTTPReady(port: Int, path: String) async -> Bool {
        let request = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n"
        guard let answer = await exchange(port: port, request: Array(request.utf8)) else { return false }
        return answer.starts(with: "HTTP/1.1 200".utf8)
    }

    /// Whether an AMQP 0-9-1 broker answers the protocol header with a method frame (`connection.start`), which RabbitMQ does only
    /// when it has finished booting.
    public static func isAMQPReady(port: Int) async -> Bool {
        let answer = await exchange(port: port, request: Array("AMQP".utf8) + [0, 0, 9, 1])
        return answer?.first == 1
    }

    /// Whether anybody accepts connections.
    public static func isListening(port: Int) -> Bool {
        !LoopbackPort.isFree(port)
    }
}
