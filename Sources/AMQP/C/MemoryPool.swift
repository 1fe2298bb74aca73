import CRabbitMQ

/// Memory for what one call hands to librabbitmq: texts and tables as C structures, freed together by `recycle()`.
///
/// Running out of memory ends the process, as it does for Swift's own allocations.
struct MemoryPool: ~Copyable {
    private let pool: UnsafeMutablePointer<amqp_pool_t>

    init() {
        pool = .allocate(capacity: 1)
        init_amqp_pool(pool, 4_096)
    }

    deinit {
        empty_amqp_pool(pool)
        pool.deallocate()
    }

    /// Ends the life of all that was made since the last call.
    borrowing func recycle() {
        recycle_amqp_pool(pool)
    }

    borrowing func bytes(_ text: String) -> amqp_bytes_t {
        let count = text.utf8.count
        guard count > 0 else { return amqp_bytes_t() }
        let memory = allocate(count)
        UnsafeMutableRawBufferPointer(start: memory, count: count).copyBytes(from: text.utf8)
        return amqp_bytes_t(len: count, bytes: memory)
    }

    borrowing func bytes(_ bytes: [UInt8]) -> amqp_bytes_t {
        guard !bytes.isEmpty else { return amqp_bytes_t() }
        let memory = allocate(bytes.count)
        UnsafeMutableRawBufferPointer(start: memory, count: bytes.count).copyBytes(from: bytes)
        return amqp_bytes_t(len: bytes.count, bytes: memory)
    }

    borrowing func table(_ table: [String: AMQPFieldValue]) -> amqp_table_t {
        guard !table.isEmpty else { return amqp_table_t() }
        let entries = allocate(table.count * MemoryLayout<amqp_table_entry_t>.stride)
            .bindMemory(to: amqp_table_entry_t.self, capacity: table.count)
        var next = entries
        for (key, value) in table {
            next.initialize(to: amqp_table_entry_t(key: bytes(key), value: field(value)))
            next += 1
        }
        return amqp_table_t(num_entries: Int32(table.count), entries: entries)
    }

    private borrowing func field(_ value: AMQPFieldValue) -> amqp_field_value_t {
        var field = amqp_field_value_t()
        switch value {
        case .string(let text):
            field.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
            field.value.bytes = bytes(text)
        case .int(let number):
            field.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
            field.value.i64 = number
        case .bool(let flag):
            field.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
            field.value.boolean = flag ? 1 : 0
        case .double(let number):
            field.kind = UInt8(AMQP_FIELD_KIND_F64.rawValue)
            field.value.f64 = number
        case .bytes(let data):
            field.kind = UInt8(AMQP_FIELD_KIND_BYTES.rawValue)
            field.value.bytes = bytes(data)
        case .timestamp(let seconds):
            field.kind = UInt8(AMQP_FIELD_KIND_TIMESTAMP.rawValue)
            field.value.u64 = seconds
        case .table(let inner):
            field.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
            field.value.table = table(inner)
        case .array(let elements):
            field.kind = UInt8(AMQP_FIELD_KIND_ARRAY.rawValue)
            field.value.array = array(elements)
        case .null:
            field.kind = UInt8(AMQP_FIELD_KIND_VOID.rawValue)
        }
        return field
    }

    private borrowing func array(_ elements: [AMQPFieldValue]) -> amqp_array_t {
        guard !elements.isEmpty else { return amqp_array_t() }
        let entries = allocate(elements.count * MemoryLayout<amqp_field_value_t>.stride)
            .bindMemory(to: amqp_field_value_t.self, capacity: elements.count)
        for (offset, element) in elements.enumerated() { (entries + offset).initialize(to: field(element)) }
        return amqp_array_t(num_entries: Int32(elements.count), entries: entries)
    }

    private borrowing func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        guard let memory = amqp_pool_alloc(pool, count) else { preconditionFailure("out of memory") }
        return memory
    }
}
