import Domain
import FoundationEssentials
public import Postgres

extension Store {
    /// Makes something at most once under the request's key: `body` and the answer for repetitions are one transaction. A request of the
    /// same moment, here or at another gateway, waits until that is decided, as long as a statement may take.
    ///
    /// Without a key `body` runs as it is: it must be one statement or one pipeline, or open its own transaction for that case. Throws what
    /// `body` throws, and a 409 where the key was used for another request. Index: `idempotency_keys_pkey`.
    public func once<Value>(
        _ request: IdempotentRequest?, answering answer: @Sendable (Value) -> FirstAnswer,
        _ body: @Sendable (isolated PostgresConnection) throws -> Value
    ) async throws -> Creation<Value> {
        guard let request else { return .made(try await database.withConnection { try body($0) }) }
        do {
            return try await retryingDeadlocks {
                .made(
                    try await database.transaction { connection in
                        // Before anything else: what else is unique would refuse the repetition in words of its own.
                        try Self.claim(request, FirstAnswer(status: 0, body: ""), connection)
                        let value = try body(connection)
                        try Self.keep(answer(value), of: request, connection)
                        return value
                    })
            }
        } catch let error as PostgresError where error.saysKeyIsTaken {
            return .repeated(try await firstAnswer(to: request))
        }
    }

    /// The answer that the key got within its lifetime, whatever was asked; nil where it is free. Index: `idempotency_keys_pkey`.
    public func remembered(_ key: IdempotencyKey) async throws -> RememberedAnswer? {
        try await remembered([key])[key]
    }

    /// The answer that this request got before; nil where its key is free, a 409 where that was used for another request.
    public func repetition(of request: IdempotentRequest) async throws -> RememberedAnswer? {
        try await remembered(request.key)?.matching(request.digest)
    }

    /// The same for many keys, in one statement; those that are free are left out.
    public func remembered(_ keys: [IdempotencyKey]) async throws -> [IdempotencyKey: RememberedAnswer] {
        let rows = try await database.query(
            """
            SELECT k.user_id, k.source, k.key, k.digest, k.status, k.location, k.answer, k.created_at
            FROM unnest(\(keys.map(\.userID)), \(keys.map(\.source.rawValue)), \(keys.map(\.text))) AS a (user_id, source, key)
            JOIN idempotency_keys k ON k.user_id = a.user_id AND k.source = a.source AND k.key = a.key
            WHERE k.created_at >= now() - chorus_key_lifetime()
            """
        ) { row in
            var columns = row.columns
            let key = IdempotencyKey(userID: try columns.next(), source: try columns.nextCase(), text: try columns.next())
            let digest = try columns.next(as: [UInt8].self)
            let answer = FirstAnswer(status: try columns.next(), location: try columns.next(), body: try columns.next())
            return (key, RememberedAnswer(answer: answer, digest: digest, createdAt: try columns.next()))
        }
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }

    /// Of a key that was found taken.
    func firstAnswer(to request: IdempotentRequest) async throws -> RememberedAnswer {
        guard let answer = try await repetition(of: request) else { throw Problem.keyIsInUse }
        return answer
    }

    /// Forgets keys whose time is over, the oldest first, and gives their number. Index: `idx_idempotency_keys_created_at`.
    public func forgetAnswers(limit: Int) async throws -> Int {
        try await database.execute(
            """
            DELETE FROM idempotency_keys WHERE (user_id, source, key) IN (
                SELECT user_id, source, key FROM idempotency_keys WHERE created_at < now() - chorus_key_lifetime()
                ORDER BY created_at LIMIT \(limit) FOR UPDATE SKIP LOCKED)
            """)
    }

    /// Takes the key for the transaction; see `chorus_claim_key`.
    static func claim(_ request: IdempotentRequest, _ answer: FirstAnswer, _ connection: isolated PostgresConnection) throws {
        let key = request.key
        try connection.execute(
            """
            SELECT chorus_claim_key(\(key.userID), \(key.source.rawValue), \(key.text), \(request.digest), \(Int32(clamping: answer.status)),
                \(answer.location), \(answer.body))
            """)
    }

    private static func keep(_ answer: FirstAnswer, of request: IdempotentRequest, _ connection: isolated PostgresConnection) throws {
        let key = request.key
        try connection.execute(
            """
            UPDATE idempotency_keys SET status = \(Int16(clamping: answer.status)), location = \(answer.location), answer = \(answer.body)
            WHERE user_id = \(key.userID) AND source = \(key.source.rawValue) AND key = \(key.text)
            """)
    }
}

extension PostgresError {
    /// Somebody has taken the idempotency key before.
    var saysKeyIsTaken: Bool { constraint == "idempotency_keys_pkey" }
}

extension Problem {
    /// Nobody knows yet what the other request comes to, or it came to nothing.
    static var keyIsInUse: Problem {
        Problem(
            status: 409, title: "Conflict", detail: "Another request with this Idempotency-Key is under way. Try again.",
            errors: [FieldError(pointer: "Idempotency-Key", detail: "is in use at this moment")], retryAfter: 1)
    }
}
