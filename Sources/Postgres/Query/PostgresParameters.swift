/// The parameters of one query: their types, and their values one behind the other in one buffer.
struct PostgresParameters: Sendable {
    /// What the protocol's 16-bit count allows.
    static let limit = 65_535

    private(set) var types: [PostgresType] = []
    /// Where each value ends in the buffer; nil for a NULL.
    private var ends: [Int?] = []
    private var buffer = PostgresBuffer()
    /// The first parameter that cannot be sent, in words that hold no value.
    private(set) var problem: String?

    var count: Int { types.count }

    mutating func append<Value: PostgresEncodable>(_ value: Value) {
        types.append(Value.postgresType)
        guard !value.isPostgresNull else { return ends.append(nil) }
        value.encode(into: &buffer)
        ends.append(buffer.count)
        if problem == nil {
            if let reason = buffer.problem { problem = "parameter $\(count): \(reason)" }
            if buffer.count > Int32.max { problem = "parameter $\(count): the parameters are longer than 2 GiB" }
            if count > Self.limit { problem = "more than \(Self.limit) parameters" }
        }
    }

    /// Appends another query's parameters, in their order.
    mutating func append(contentsOf other: PostgresParameters) {
        let start = buffer.count
        types += other.types
        ends += other.ends.map { end in end.map { start + $0 } }
        buffer.append(bytes: other.buffer.bytes)
        if problem == nil {
            problem = other.problem
            if buffer.count > Int32.max { problem = "the parameters are longer than 2 GiB" }
            if count > Self.limit { problem = "more than \(Self.limit) parameters" }
        }
    }

    /// Lends the values as libpq wants them: pointers into the one buffer, lengths, and formats (all binary).
    func withPointers<Result>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Result
    ) -> Result {
        guard count > 0 else { return body(nil, nil, nil) }
        return buffer.bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count) { numbers in
                    // A value without bytes must still have an address: none means NULL to libpq.
                    let start = bytes.baseAddress ?? UnsafeRawPointer(numbers.baseAddress)
                    var position = 0
                    for index in 0..<count {
                        let end = ends[index]
                        values.initializeElement(
                            at: index, to: end == nil ? nil : (start.map { $0 + position })?.assumingMemoryBound(to: CChar.self))
                        numbers.initializeElement(at: index, to: Int32((end ?? position) - position))
                        numbers.initializeElement(at: count + index, to: 1)
                        position = end ?? position
                    }
                    return body(
                        UnsafePointer(values.baseAddress), UnsafePointer(numbers.baseAddress),
                        numbers.baseAddress.map { UnsafePointer($0 + count) })
                }
            }
        }
    }
}
