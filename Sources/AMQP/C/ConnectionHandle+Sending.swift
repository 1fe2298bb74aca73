import CRabbitMQ

extension ConnectionHandle {
    borrowing func send(_ request: MethodRequest, on channel: UInt16) throws(AMQPError) {
        defer { pool.recycle() }
        switch request {
        case .openChannel:
            try transmit(AMQP_CHANNEL_OPEN_METHOD, amqp_channel_open_t(), on: channel)
        case .closeChannel(let code, let text):
            var method = amqp_channel_close_t()
            method.reply_code = UInt16(clamping: code)
            method.reply_text = pool.bytes(text)
            try transmit(AMQP_CHANNEL_CLOSE_METHOD, method, on: channel)
        case .selectConfirms:
            try transmit(AMQP_CONFIRM_SELECT_METHOD, amqp_confirm_select_t(), on: channel)
        case .declareExchange(let exchange):
            var method = amqp_exchange_declare_t()
            method.exchange = pool.bytes(exchange.name)
            method.type = pool.bytes(exchange.kind.rawValue)
            method.durable = exchange.isDurable ? 1 : 0
            try transmit(AMQP_EXCHANGE_DECLARE_METHOD, method, on: channel)
        case .declareQueue(let queue):
            var method = amqp_queue_declare_t()
            method.queue = pool.bytes(queue.name)
            method.durable = queue.isDurable ? 1 : 0
            method.arguments = pool.table(queue.arguments)
            try transmit(AMQP_QUEUE_DECLARE_METHOD, method, on: channel)
        case .inspectQueue(let name):
            var method = amqp_queue_declare_t()
            method.queue = pool.bytes(name)
            method.passive = 1
            try transmit(AMQP_QUEUE_DECLARE_METHOD, method, on: channel)
        case .bind(let binding):
            var method = amqp_queue_bind_t()
            method.queue = pool.bytes(binding.queue)
            method.exchange = pool.bytes(binding.exchange)
            method.routing_key = pool.bytes(binding.routingKey)
            try transmit(AMQP_QUEUE_BIND_METHOD, method, on: channel)
        case .purge(let queue):
            var method = amqp_queue_purge_t()
            method.queue = pool.bytes(queue)
            try transmit(AMQP_QUEUE_PURGE_METHOD, method, on: channel)
        case .deleteQueue(let queue):
            var method = amqp_queue_delete_t()
            method.queue = pool.bytes(queue)
            try transmit(AMQP_QUEUE_DELETE_METHOD, method, on: channel)
        case .setPrefetch(let count):
            var method = amqp_basic_qos_t()
            method.prefetch_count = count
            try transmit(AMQP_BASIC_QOS_METHOD, method, on: channel)
        case .consume(let queue, let tag, let waits):
            var method = amqp_basic_consume_t()
            method.queue = pool.bytes(queue)
            method.consumer_tag = pool.bytes(tag)
            method.nowait = waits ? 0 : 1
            try transmit(AMQP_BASIC_CONSUME_METHOD, method, on: channel)
        case .cancel(let tag):
            try transmit(AMQP_BASIC_CANCEL_METHOD, amqp_basic_cancel_t(consumer_tag: pool.bytes(tag), nowait: 1), on: channel)
        case .acknowledge(let tag, let multiple):
            try transmit(AMQP_BASIC_ACK_METHOD, amqp_basic_ack_t(delivery_tag: tag, multiple: multiple ? 1 : 0), on: channel)
        case .refuse(let tag, let multiple, let requeue):
            let method = amqp_basic_nack_t(delivery_tag: tag, multiple: multiple ? 1 : 0, requeue: requeue ? 1 : 0)
            try transmit(AMQP_BASIC_NACK_METHOD, method, on: channel)
        }
    }

    /// Answers `channel.close` of the broker.
    borrowing func confirmChannelClosed(_ channel: UInt16) throws(AMQPError) {
        try transmit(AMQP_CHANNEL_CLOSE_OK_METHOD, amqp_channel_close_ok_t(), on: channel)
    }

    /// Answers `connection.close` of the broker; nothing may be sent after it.
    borrowing func confirmConnectionClosed() throws(AMQPError) {
        try transmit(AMQP_CONNECTION_CLOSE_OK_METHOD, amqp_connection_close_ok_t(), on: 0)
    }

    borrowing func confirmFlow(active: Bool, on channel: UInt16) throws(AMQPError) {
        try transmit(AMQP_CHANNEL_FLOW_OK_METHOD, amqp_channel_flow_ok_t(active: active ? 1 : 0), on: channel)
    }

    borrowing func sendHeartbeat() throws(AMQPError) {
        var frame = amqp_frame_t()
        frame.frame_type = UInt8(AMQP_FRAME_HEARTBEAT)
        try check(amqp_send_frame(state, &frame), "sending a heartbeat")
    }

    /// Sends a message: method, header, and as many body frames as it takes.
    borrowing func publish(_ message: AMQPMessage, on channel: UInt16) throws(AMQPError) {
        defer { pool.recycle() }
        var properties = amqp_basic_properties_t()
        func set(_ text: String?, _ flag: Int32, _ field: WritableKeyPath<amqp_basic_properties_t, amqp_bytes_t>) {
            guard let text else { return }
            properties._flags |= UInt32(flag)
            properties[keyPath: field] = pool.bytes(text)
        }
        set(message.contentType, AMQP_BASIC_CONTENT_TYPE_FLAG, \.content_type)
        set(message.contentEncoding, AMQP_BASIC_CONTENT_ENCODING_FLAG, \.content_encoding)
        set(message.messageID, AMQP_BASIC_MESSAGE_ID_FLAG, \.message_id)
        set(message.correlationID, AMQP_BASIC_CORRELATION_ID_FLAG, \.correlation_id)
        set(message.replyTo, AMQP_BASIC_REPLY_TO_FLAG, \.reply_to)
        set(message.type, AMQP_BASIC_TYPE_FLAG, \.type)
        set(message.appID, AMQP_BASIC_APP_ID_FLAG, \.app_id)
        set(message.expiration, AMQP_BASIC_EXPIRATION_FLAG, \.expiration)
        if !message.headers.isEmpty {
            properties._flags |= UInt32(AMQP_BASIC_HEADERS_FLAG)
            properties.headers = pool.table(message.headers)
        }
        if let timestamp = message.timestamp {
            properties._flags |= UInt32(AMQP_BASIC_TIMESTAMP_FLAG)
            properties.timestamp = timestamp
        }
        if let priority = message.priority {
            properties._flags |= UInt32(AMQP_BASIC_PRIORITY_FLAG)
            properties.priority = priority
        }
        properties._flags |= UInt32(AMQP_BASIC_DELIVERY_MODE_FLAG)
        properties.delivery_mode = message.isPersistent ? 2 : 1

        let (exchange, routingKey) = (pool.bytes(message.exchange), pool.bytes(message.routingKey))
        let code = message.body.withUnsafeBytes { body in
            // The library only reads the body; its type of bytes knows no const.
            let bytes = amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress))
            return amqp_basic_publish(state, channel, exchange, routingKey, message.isMandatory ? 1 : 0, 0, &properties, bytes)
        }
        try check(code, "publishing")
    }

    private borrowing func transmit(_ id: UInt32, _ method: some BitwiseCopyable, on channel: UInt16) throws(AMQPError) {
        var method = method
        let code = withUnsafeMutablePointer(to: &method) { amqp_send_method(state, channel, id, $0) }
        try check(code, "sending")
    }
}
