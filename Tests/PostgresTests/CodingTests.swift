import FoundationEssentials
import Postgres
import Testing

@Suite(.timeLimit(.minutes(2)))
struct CodingTests {
    private enum Color: String, PostgresCodable, PostgresArrayElement {
        case red, green
        static var postgresArrayType: PostgresType { .textArray }
    }

    /// Sends each value and NULL through the server and compares.
    private func roundTrip<Value: PostgresCodable & PostgresArrayElement & Equatable>(_ values: [Value]) async throws {
        try await TestPostgres.withConnection { connection in
            for value in values {
                let echoed = try connection.query("SELECT \(value), \(Value?.none), \(Value?.some(value))").first
                let (plain, null, some) = try #require(echoed).decode(Value.self, Value?.self, Value?.self)
                #expect(plain == value)
                #expect(null == nil)
                #expect(some == value)
            }
            let optionals: [Value?] = values + [nil] + values
            let row = try #require(try connection.query("SELECT \(values), \([Value]()), \(optionals), \([Value]?.none)").first)
            let (all, none, mixed, null) = try row.decode([Value].self, [Value].self, [Value?].self, [Value]?.self)
            #expect(all == values)
            #expect(none == [])
            #expect(mixed == optionals)
            #expect(null == nil)
        }
    }

    @Test func integers() async throws {
        try await roundTrip([Int.min, -1, 0, 1, .max])
        try await roundTrip([Int64.min, 0, .max])
        try await roundTrip([Int32.min, 0, .max])
        try await roundTrip([Int16.min, 0, .max])
    }

    @Test func floatingPoint() async throws {
        try await roundTrip([Double.leastNonzeroMagnitude, -0.1, 0, .pi, .greatestFiniteMagnitude, .infinity, -.infinity])
        try await roundTrip([Float.leastNonzeroMagnitude, 0, 1.5, .infinity])
        let isNaN = try await TestPostgres.withConnection { connection in
            try connection.query("SELECT \(Double.nan)").first?[0, as: Double.self].isNaN
        }
        #expect(isNaN == true)
    }

    @Test func textsAndBytes() async throws {
        try await roundTrip(["", "a", "Grüße, 世界 🎻", "quote ' \" \\ $1 {,}", "NULL", String(repeating: "é", count: 2_000_000)])
        try await roundTrip([[UInt8](), [0], Array(0...255), [UInt8](repeating: 0, count: 1_000_000)])
        try await roundTrip([true, false])
        try await roundTrip([UUID(), UUID()])
        try await roundTrip([Color.red, .green])
    }

    @Test func json() async throws {
        try await roundTrip([JSONB(text: #"{"a": [1, 2, "x"]}"#), JSONB(text: "null"), JSONB(text: #""é""#)])
        try await TestPostgres.withConnection { connection in
            let row = try #require(try connection.query("SELECT '{\"a\":1}'::json, \(JSONB(text: #"{"b":2}"#)) ->> 'b'").first)
            #expect(try row.decode(JSONB.self, String.self) == (JSONB(text: #"{"a":1}"#), "2"))
        }
    }

    @Test func dates() async throws {
        let now = Date(timeIntervalSinceReferenceDate: (Date().timeIntervalSinceReferenceDate * 1_000_000).rounded() / 1_000_000)
        try await roundTrip([Date.distantPast, Date(timeIntervalSince1970: 0), Date(timeIntervalSince1970: -0.5), .distantFuture])
        try await TestPostgres.withConnection { connection in
            let row = try #require(
                try connection.query(
                    """
                    SELECT \(now), extract(epoch FROM \(now))::float8, timestamptz 'infinity', timestamptz '-infinity',
                        date '2000-01-02', timestamp '1970-01-01 00:00:01', timestamptz '4713-01-01 00:00:00 UTC BC',
                        timestamptz '294276-12-31 23:59:59.999999 UTC'
                    """
                ).first)
            var columns = row.columns
            let echoed: Date = try columns.next()
            #expect(abs(echoed.timeIntervalSince(now)) < 0.000_001)
            #expect(abs(try columns.next(as: Double.self) - now.timeIntervalSince1970) < 0.000_002)
            #expect(try columns.next(as: Date.self) == .distantFuture)
            #expect(try columns.next(as: Date.self) == .distantPast)
            #expect(try columns.next(as: Date.self) == Date(timeIntervalSince1970: 946_684_800 + 86_400))
            #expect(try columns.next(as: Date.self) == Date(timeIntervalSince1970: 1))
            let first: Date = try columns.next()
            let last: Date = try columns.next()
            #expect(last.timeIntervalSince1970.rounded() == 9_224_318_016_000)
            #expect(try connection.query("SELECT \(first) = '4713-01-01 00:00:00 UTC BC'").first?[0, as: Bool.self] == true)
        }
        let error = await postgresError {
            _ = try await TestPostgres.withConnection { connection in
                try connection.execute("SELECT \(1), \(Date(timeIntervalSince1970: .infinity))")
            }
        }
        #expect(error?.code == .invalidQuery)
        #expect(error?.message.contains("$2") == true)
    }

    @Test func convertsWithoutLossOnly() async throws {
        try await TestPostgres.withConnection { connection in
            let row = try #require(
                try connection.query(
                    """
                    SELECT 7::int2 AS a, 7::int4, 7::int8, 70000::int4, 1.5::float4, 'x'::varchar, 'y'::char(3), 'z'::name,
                        sum(v), -12345.0625::numeric, 0::numeric, 1e20::numeric, NULL::int4 FROM (VALUES (9000000000), (1)) t(v)
                    """
                ).first)
            #expect(try row[0, as: Int.self] == 7)
            #expect(try row["a", as: Int32.self] == 7)
            #expect(try row[1, as: Int16.self] == 7)
            #expect(try row[2, as: Int16.self] == 7)
            #expect(throws: PostgresError.self) { try row[3, as: Int16.self] }
            #expect(try row[4, as: Double.self] == 1.5)
            #expect(try row[5, as: String.self] == "x")
            #expect(try row[6, as: String.self] == "y  ")
            #expect(try row[7, as: String.self] == "z")
            #expect(try row[8, as: Int.self] == 9_000_000_001)
            #expect(try row[9, as: Double.self] == -12345.0625)
            #expect(throws: PostgresError.self) { try row[9, as: Int.self] }
            #expect(try row[10, as: Int.self] == 0)
            #expect(throws: PostgresError.self) { try row[11, as: Int.self] }
            #expect(try row[11, as: Double.self] == 1e20)
            for wrong in [
                { _ = try row[5, as: Int.self] }, { _ = try row[0, as: String.self] }, { _ = try row[12, as: Int.self] },
                { _ = try row[99, as: Int.self] }, { _ = try row[-1, as: Int.self] }, { _ = try row["none", as: Int.self] },
                { _ = try row[0, as: UUID.self] }, { _ = try row[0, as: [Int].self] }, { _ = try row[5, as: Date.self] },
                { _ = try row[5, as: JSONB.self] }, { _ = try row[5, as: Bool.self] }, { _ = try row[5, as: [UInt8].self] },
            ] as [() throws -> Void] {
                let error = #expect(throws: PostgresError.self) { try wrong() }
                #expect(error?.code == .decoding)
            }
            let arrays = try #require(try connection.query("SELECT ARRAY[[1,2],[3,4]], ARRAY[1,NULL]").first)
            #expect(throws: PostgresError.self) { try arrays[0, as: [Int].self] }
            #expect(throws: PostgresError.self) { try arrays[1, as: [Int].self] }
            #expect(try arrays[1, as: [Int?].self] == [1, nil])
        }
    }

    /// A part's parameters are numbered on, whatever stands before and behind it.
    @Test(arguments: [0, 1, 9, 70]) func partsKeepTheirParameters(before count: Int) async throws {
        let many: PostgresQuery = (0..<count).reduce("0") { "\(part: $0) + \($1)" }
        let inner: PostgresQuery = "concat(\("ü"), '$9', \(Int?.none), \("b"))"
        let nested: PostgresQuery = "\(part: inner), \(true), \(part: inner)"
        let query: PostgresQuery = "SELECT \(part: many), \(part: nested), \(7)\(part: "")"
        try await TestPostgres.withConnection { connection in
            let row = try #require(try connection.query(query).first)
            let (sum, first, isTrue, second, last) = try row.decode(Int.self, String.self, Bool.self, String.self, Int.self)
            #expect(sum == (0..<count).reduce(0, +))
            #expect(first == "ü$9b" && second == first)
            #expect(isTrue && last == 7)
        }
        let bad: PostgresQuery = "SELECT \(part: "\("a\0")")"
        await #expect(throws: PostgresError.self) {
            try await TestPostgres.withConnection { connection async throws in _ = try connection.query(bad) }
        }
    }

    @Test func refusesNUL() async throws {
        try await TestPostgres.withConnection { connection async throws in
            for query in ["SELECT \(1), \("a\0b")", "SELECT \(1), \(["x", "a\0"])", "SELECT \(1), \(JSONB(text: "\0"))"] as [PostgresQuery]
            {
                let error = #expect(throws: PostgresError.self) { try connection.query(query) }
                #expect(error?.code == .invalidQuery)
                #expect(error?.message.contains("$2") == true)
            }
            let error = #expect(throws: PostgresError.self) { try connection.query("SELECT 1 \(unescaped: "\0") , 2") }
            #expect(error?.code == .invalidQuery)
            #expect(throws: PostgresError.self) { try connection.script("SELECT 1; \0 SELECT 2") }
            #expect(try connection.query("SELECT \(1)").count == 1)
        }
    }
}
