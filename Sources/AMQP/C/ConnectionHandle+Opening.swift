import CRabbitMQ
import Glibc

extension ConnectionHandle {
    /// Connects and logs in, blocking the thread within the configured bounds.
    borrowing func open(_ endpoint: AMQPConfiguration.Endpoint, _ configuration: AMQPConfiguration) throws(AMQPError) {
        let socket = try makeSocket(configuration.tls)
        let place = "\(endpoint.host):\(endpoint.port)"
        var timeout = timeval(configuration.connectTimeout)
        let code = amqp_socket_open_noblock(socket, endpoint.host, Int32(clamping: endpoint.port), &timeout)
        guard code == AMQP_STATUS_OK.rawValue else {
            throw AMQPError(.connectionFailed, "\(place): \(String(cString: amqp_error_string2(code)))")
        }
        boundWrites(configuration.heartbeat * 2)
        amqp_set_handshake_timeout(state, &timeout)
        // Channel and connection openings inside the log-in use this bound.
        amqp_set_rpc_timeout(state, &timeout)
        try logIn(configuration, place: place)
    }

    private borrowing func makeSocket(_ tls: AMQPConfiguration.TLS?) throws(AMQPError) -> OpaquePointer {
        guard let tls else {
            guard let socket = amqp_tcp_socket_new(state) else { throw AMQPError(.connectionFailed, "no memory for a socket") }
            return socket
        }
        guard let socket = amqp_ssl_socket_new(state) else { throw AMQPError(.connectionFailed, "no memory for a TLS socket") }
        amqp_ssl_socket_set_verify_peer(socket, tls.verifiesPeer ? 1 : 0)
        amqp_ssl_socket_set_verify_hostname(socket, tls.verifiesPeer ? 1 : 0)
        if tls.verifiesPeer, amqp_ssl_socket_set_cacert(socket, tls.authorityFile) != AMQP_STATUS_OK.rawValue {
            throw AMQPError(.invalid, "no certificates of authorities in '\(tls.authorityFile)'")
        }
        if let certificate = tls.certificateFile, let key = tls.keyFile,
            amqp_ssl_socket_set_key(socket, certificate, key) != AMQP_STATUS_OK.rawValue
        {
            throw AMQPError(.invalid, "no usable client certificate in '\(certificate)' and '\(key)'")
        }
        guard amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) == AMQP_STATUS_OK.rawValue else {
            throw AMQPError(.connectionFailed, "libssl offers no TLS 1.2 or later")
        }
        return socket
    }

    /// Bounds how long a broker that stops reading can hold bytes of ours: the kernel then ends the connection (tcp(7)).
    private borrowing func boundWrites(_ bound: Duration) {
        var milliseconds = UInt32(clamping: bound.components.seconds * 1_000)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, socklen_t(MemoryLayout<UInt32>.size))
    }

    private borrowing func logIn(_ configuration: AMQPConfiguration, place: String) throws(AMQPError) {
        defer { pool.recycle() }
        var properties: [String: AMQPFieldValue] = [
            "capabilities": [
                "publisher_confirms": true, "consumer_cancel_notify": true, "connection.blocked": true, "basic.nack": true,
                "authentication_failure_close": true,
            ]
        ]
        if !configuration.connectionName.isEmpty { properties["connection_name"] = .string(configuration.connectionName) }
        var table = pool.table(properties)
        let reply = crabbitmq_login_plain(
            state, configuration.virtualHost, Int32(clamping: configuration.maxFrameSize),
            Int32(clamping: max(1, configuration.heartbeat.components.seconds)), &table, configuration.user, configuration.password)
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL:
            return
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            guard case .connectionClosed(let code, let text) = BrokerMethod(reply.reply) else {
                throw AMQPError(.protocolViolation, "\(place): the broker broke off the log-in")
            }
            // 403: user or password; 530: no such virtual host, or no right to it.
            let isRefusal = code == AMQP_ACCESS_REFUSED || code == AMQP_NOT_ALLOWED
            throw AMQPError(
                isRefusal ? .authenticationFailed : .connectionClosed, "\(place): the broker refused the log-in", brokerCode: code,
                brokerText: text)
        default:
            let reason = String(cString: amqp_error_string2(reply.library_error))
            let isTimeout = reply.library_error == AMQP_STATUS_TIMEOUT.rawValue
            throw AMQPError(isTimeout ? .timedOut : .connectionFailed, "\(place): log-in: \(reason)")
        }
    }
}
