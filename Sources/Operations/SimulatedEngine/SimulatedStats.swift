import Domain

/// What the simulated engine has seen: tests prove with it that no task was called twice.
struct SimulatedStats {
    /// Keys remembered; calls with further keys are only counted.
    static let maxKeys = 1_000_000

    private(set) var calls = 0
    /// Tokens of the questions that are answered, and of their answers: counted when the answer is known, before it is given.
    private(set) var tokens = 0
    private(set) var inFlight = 0
    private(set) var maxInFlight = 0
    /// Microseconds since 1970; nil where none was given, or nobody hung up.
    private(set) var lastAnswerAt: Int?
    private(set) var lastHangUpAt: Int?
    private var errors: [Int: Int] = [:]
    private var callsByKey: [String: Int] = [:]
    private var callsWithoutRoom = 0

    mutating func began(key: String?) {
        calls += 1
        inFlight += 1
        maxInFlight = max(maxInFlight, inFlight)
        guard let key else { return }
        if callsByKey.count < Self.maxKeys || callsByKey[key] != nil {
            callsByKey[key, default: 0] += 1
        } else {
            callsWithoutRoom += 1
        }
    }

    mutating func answers(tokens: Int) { self.tokens += tokens }

    mutating func ended(status: Int, at time: Int) {
        inFlight -= 1
        if status == 200 { lastAnswerAt = time }
        if status == 499 { lastHangUpAt = time }
        if status >= 400 { errors[status, default: 0] += 1 }
    }

    /// Forgets all but the calls that are running.
    mutating func reset() {
        let running = inFlight
        self = SimulatedStats()
        inFlight = running
        maxInFlight = running
    }

    var json: JSONValue {
        var byStatus = JSONObject()
        for (status, count) in errors.sorted(by: { $0.key < $1.key }) {
            byStatus[String(status)] = .number(JSONNumber(count))
        }
        return [
            "calls": .number(JSONNumber(calls)),
            "tokens": .number(JSONNumber(tokens)),
            "in_flight": .number(JSONNumber(inFlight)),
            "max_in_flight": .number(JSONNumber(maxInFlight)),
            "errors": .object(byStatus),
            "last_answer_at": JSONValue(lastAnswerAt),
            "last_hang_up_at": JSONValue(lastHangUpAt),
            "keys": .number(JSONNumber(callsByKey.count)),
            "keys_called_twice": .number(JSONNumber(callsByKey.values.count { $0 > 1 })),
            "calls_without_room_for_key": .number(JSONNumber(callsWithoutRoom)),
        ]
    }

    /// The body of `GET /stats`. The keys are written straight to bytes: a million of them as a ``JSONObject`` would take minutes.
    func serialized() -> [UInt8] {
        var bytes = json.serialized()
        bytes.removeLast()
        bytes.append(contentsOf: #","calls_by_key":{"#.utf8)
        var first = true
        for (key, count) in callsByKey {
            if !first { bytes.append(UInt8(ascii: ",")) }
            first = false
            JSONValue.string(key).write(to: &bytes)
            bytes.append(contentsOf: ":\(count)".utf8)
        }
        bytes.append(contentsOf: "}}".utf8)
        return bytes
    }
}
