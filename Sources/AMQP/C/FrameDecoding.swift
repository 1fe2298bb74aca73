import CRabbitMQ

extension Frame {
    /// Copies a frame out of C; nil for a kind that does not concern this client.
    init?(_ frame: amqp_frame_t) {
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD:
            self = .method(channel: frame.channel, BrokerMethod(frame.payload.method))
        case AMQP_FRAME_HEADER:
            guard let decoded = frame.payload.properties.decoded, frame.payload.properties.class_id == UInt16(AMQP_BASIC_CLASS) else {
                return nil
            }
            let properties = decoded.load(as: amqp_basic_properties_t.self)
            self = .header(
                channel: frame.channel, bodySize: frame.payload.properties.body_size, properties: AMQPMessage(properties: properties))
        case AMQP_FRAME_BODY:
            self = .body(channel: frame.channel, [UInt8](frame.payload.body_fragment))
        default:
            return nil
        }
    }
}

extension BrokerMethod {
    init(_ method: amqp_method_t) {
        guard let decoded = method.decoded else {
            self = .unexpected(id: method.id)
            return
        }
        switch method.id {
        case AMQP_CHANNEL_OPEN_OK_METHOD, AMQP_CHANNEL_CLOSE_OK_METHOD, AMQP_CONFIRM_SELECT_OK_METHOD, AMQP_EXCHANGE_DECLARE_OK_METHOD,
            AMQP_QUEUE_BIND_OK_METHOD, AMQP_BASIC_QOS_OK_METHOD, AMQP_BASIC_CONSUME_OK_METHOD:
            self = .reply(MethodReply(id: method.id))
        case AMQP_QUEUE_DECLARE_OK_METHOD:
            let reply = decoded.load(as: amqp_queue_declare_ok_t.self)
            self = .reply(
                MethodReply(
                    id: method.id, queue: String(reply.queue), messageCount: Int(reply.message_count),
                    consumerCount: Int(reply.consumer_count)))
        case AMQP_QUEUE_PURGE_OK_METHOD:
            self = .reply(MethodReply(id: method.id, messageCount: Int(decoded.load(as: amqp_queue_purge_ok_t.self).message_count)))
        case AMQP_QUEUE_DELETE_OK_METHOD:
            self = .reply(MethodReply(id: method.id, messageCount: Int(decoded.load(as: amqp_queue_delete_ok_t.self).message_count)))
        case AMQP_BASIC_DELIVER_METHOD:
            let deliver = decoded.load(as: amqp_basic_deliver_t.self)
            self = .content(
                .delivered(
                    consumer: String(deliver.consumer_tag), tag: deliver.delivery_tag, isRedelivered: deliver.redelivered != 0,
                    exchange: String(deliver.exchange), routingKey: String(deliver.routing_key)))
        case AMQP_BASIC_RETURN_METHOD:
            let returned = decoded.load(as: amqp_basic_return_t.self)
            self = .content(
                .returned(
                    code: Int(returned.reply_code), text: String(returned.reply_text), exchange: String(returned.exchange),
                    routingKey: String(returned.routing_key)))
        case AMQP_BASIC_ACK_METHOD:
            let ack = decoded.load(as: amqp_basic_ack_t.self)
            self = .confirmed(tag: ack.delivery_tag, multiple: ack.multiple != 0)
        case AMQP_BASIC_NACK_METHOD:
            let nack = decoded.load(as: amqp_basic_nack_t.self)
            self = .refused(tag: nack.delivery_tag, multiple: nack.multiple != 0)
        case AMQP_BASIC_CANCEL_METHOD:
            self = .consumerCancelled(tag: String(decoded.load(as: amqp_basic_cancel_t.self).consumer_tag))
        case AMQP_CHANNEL_CLOSE_METHOD:
            let close = decoded.load(as: amqp_channel_close_t.self)
            self = .channelClosed(code: Int(close.reply_code), text: String(close.reply_text))
        case AMQP_CONNECTION_CLOSE_METHOD:
            let close = decoded.load(as: amqp_connection_close_t.self)
            self = .connectionClosed(code: Int(close.reply_code), text: String(close.reply_text))
        case AMQP_CONNECTION_BLOCKED_METHOD:
            self = .blocked(reason: String(decoded.load(as: amqp_connection_blocked_t.self).reason))
        case AMQP_CONNECTION_UNBLOCKED_METHOD:
            self = .unblocked
        case AMQP_CHANNEL_FLOW_METHOD:
            self = .flow(active: decoded.load(as: amqp_channel_flow_t.self).active != 0)
        default:
            self = .unexpected(id: method.id)
        }
    }
}

extension AMQPMessage {
    init(properties: amqp_basic_properties_t) {
        let flags = properties._flags
        func text(_ bytes: amqp_bytes_t, _ flag: Int32) -> String? {
            flags & UInt32(flag) == 0 ? nil : String(bytes)
        }
        self.init(
            exchange: "", routingKey: "", body: [],
            contentType: text(properties.content_type, AMQP_BASIC_CONTENT_TYPE_FLAG),
            contentEncoding: text(properties.content_encoding, AMQP_BASIC_CONTENT_ENCODING_FLAG),
            messageID: text(properties.message_id, AMQP_BASIC_MESSAGE_ID_FLAG),
            correlationID: text(properties.correlation_id, AMQP_BASIC_CORRELATION_ID_FLAG),
            replyTo: text(properties.reply_to, AMQP_BASIC_REPLY_TO_FLAG), type: text(properties.type, AMQP_BASIC_TYPE_FLAG),
            appID: text(properties.app_id, AMQP_BASIC_APP_ID_FLAG),
            headers: flags & UInt32(AMQP_BASIC_HEADERS_FLAG) == 0 ? [:] : AMQPFieldValue.headers(properties.headers),
            timestamp: flags & UInt32(AMQP_BASIC_TIMESTAMP_FLAG) == 0 ? nil : properties.timestamp,
            isPersistent: flags & UInt32(AMQP_BASIC_DELIVERY_MODE_FLAG) != 0 && properties.delivery_mode == 2, isMandatory: false,
            priority: flags & UInt32(AMQP_BASIC_PRIORITY_FLAG) == 0 ? nil : properties.priority,
            expiration: text(properties.expiration, AMQP_BASIC_EXPIRATION_FLAG))
    }
}

extension AMQPFieldValue {
    /// A peer's headers: what goes beyond `maxDepth` or `maxValues` is left out.
    static func headers(_ table: amqp_table_t) -> [String: AMQPFieldValue] {
        var room = maxValues
        return Self.table(table, depth: 0, &room)
    }

    private static func table(_ table: amqp_table_t, depth: Int, _ room: inout Int) -> [String: AMQPFieldValue] {
        let entries = UnsafeBufferPointer(start: table.entries, count: table.entries == nil ? 0 : Int(table.num_entries))
        var values: [String: AMQPFieldValue] = [:]
        for entry in entries {
            guard room > 0 else { break }
            values[String(entry.key)] = AMQPFieldValue(entry.value, depth: depth + 1, &room)
        }
        return values
    }

    private static func array(_ array: amqp_array_t, depth: Int, _ room: inout Int) -> [AMQPFieldValue] {
        let entries = UnsafeBufferPointer(start: array.entries, count: array.entries == nil ? 0 : Int(array.num_entries))
        var values: [AMQPFieldValue] = []
        for entry in entries {
            guard room > 0 else { break }
            values.append(AMQPFieldValue(entry, depth: depth + 1, &room))
        }
        return values
    }

    private init(_ field: amqp_field_value_t, depth: Int, _ room: inout Int) {
        room -= 1
        switch Int(field.kind) {
        case Int(AMQP_FIELD_KIND_UTF8.rawValue): self = .string(String(field.value.bytes))
        case Int(AMQP_FIELD_KIND_I64.rawValue): self = .int(field.value.i64)
        case Int(AMQP_FIELD_KIND_I32.rawValue): self = .int(Int64(field.value.i32))
        case Int(AMQP_FIELD_KIND_I16.rawValue): self = .int(Int64(field.value.i16))
        case Int(AMQP_FIELD_KIND_I8.rawValue): self = .int(Int64(field.value.i8))
        case Int(AMQP_FIELD_KIND_U64.rawValue): self = .int(Int64(clamping: field.value.u64))
        case Int(AMQP_FIELD_KIND_U32.rawValue): self = .int(Int64(field.value.u32))
        case Int(AMQP_FIELD_KIND_U16.rawValue): self = .int(Int64(field.value.u16))
        case Int(AMQP_FIELD_KIND_U8.rawValue): self = .int(Int64(field.value.u8))
        case Int(AMQP_FIELD_KIND_BOOLEAN.rawValue): self = .bool(field.value.boolean != 0)
        case Int(AMQP_FIELD_KIND_F64.rawValue): self = .double(field.value.f64)
        case Int(AMQP_FIELD_KIND_F32.rawValue): self = .double(Double(field.value.f32))
        case Int(AMQP_FIELD_KIND_BYTES.rawValue): self = .bytes([UInt8](field.value.bytes))
        case Int(AMQP_FIELD_KIND_TIMESTAMP.rawValue): self = .timestamp(field.value.u64)
        case Int(AMQP_FIELD_KIND_TABLE.rawValue):
            self = depth >= Self.maxDepth ? .null : .table(Self.table(field.value.table, depth: depth, &room))
        case Int(AMQP_FIELD_KIND_ARRAY.rawValue):
            self = depth >= Self.maxDepth ? .null : .array(Self.array(field.value.array, depth: depth, &room))
        default: self = .null
        }
    }
}

extension String {
    /// A copy of C's bytes; what is not UTF-8 becomes U+FFFD.
    init(_ bytes: amqp_bytes_t) {
        self.init(decoding: UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.bytes == nil ? 0 : bytes.len), as: UTF8.self)
    }
}

extension [UInt8] {
    init(_ bytes: amqp_bytes_t) {
        self.init(UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.bytes == nil ? 0 : bytes.len))
    }
}
