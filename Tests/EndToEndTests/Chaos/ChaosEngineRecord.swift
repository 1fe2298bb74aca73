import Foundation

/// What the engine did, read from its record: calls by idempotency key, across all its lives.
struct ChaosEngineRecord: Sendable {
    struct Call: Sendable {
        var began = 0
        /// The statuses it was answered with; none where the engine was killed.
        var answers: [Int] = []
    }

    private(set) var calls: [String: Call] = [:]

    init(text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            switch words.first {
            case "began" where words.count == 2: calls[String(words[1]), default: Call()].began += 1
            case "ended" where words.count == 3: calls[String(words[1]), default: Call()].answers.append(Int(words[2]) ?? 0)
            default: break
            }
        }
    }

    /// Whether the engine gave an answer that is paid for.
    func isPaid(_ key: String) -> Bool { calls[key]?.answers.contains(200) ?? false }

    var paid: Int { calls.values.count { $0.answers.contains(200) } }
}
