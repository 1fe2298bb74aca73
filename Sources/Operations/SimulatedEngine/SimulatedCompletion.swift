import Domain

/// An answer made of the question alone: an echo of its last message, with tokens counted as words.
struct SimulatedCompletion: Sendable {
    let number: UInt64
    let model: String
    /// The answer cut into tokens: words, each with the space before it.
    let tokens: [String]
    let promptTokens: Int
    /// The limit ended the answer before its last word.
    let isCut: Bool
    let hasLogprobs: Bool

    /// The error is the message of a 400. At most `echoLimit` characters of the last message are repeated, unless there are `words`.
    init(_ question: SimulatedQuestion, number: UInt64, echoLimit: Int, words: String? = nil) throws(SimulatedRequestError) {
        guard !question.texts.isEmpty else {
            let list = question.dialect == .gemini ? "contents" : "messages"
            throw SimulatedRequestError(message: "'\(list)' must be an array with at least one message", code: "invalid_messages")
        }
        self.number = number
        model = question.model
        promptTokens = question.texts.reduce(0) { $0 + Self.wordCount($1) }
        let echo = "Simulated answer to: \(question.last.prefix(echoLimit))"
        // A JSON answer is one token: cut anywhere it would be none.
        let all =
            words.map(Self.tokens)
            ?? (question.wantsJSON ? [(["answer": .string(echo)] as JSONValue).text] : Self.tokens(of: echo))
        let limit = question.limit ?? .max
        guard limit > 0 else {
            throw SimulatedRequestError(message: "'max_tokens' must be at least 1", code: "invalid_max_tokens")
        }
        tokens = Array(all.prefix(limit))
        isCut = tokens.count < all.count
        hasLogprobs = question.wantsLogprobs
    }

    var text: String { tokens.joined() }

    /// Runs of bytes that are no ASCII white space.
    static func wordCount(_ text: String) -> Int {
        var count = 0
        var inside = false
        for byte in text.utf8 {
            let space = byte == 0x20 || (0x09...0x0D).contains(byte)
            if !space, !inside { count += 1 }
            inside = !space
        }
        return count
    }

    private static func tokens(of text: String) -> [String] {
        text.split(separator: " ").enumerated().map { $0.offset == 0 ? String($0.element) : " " + $0.element }
    }
}

/// Why a request is answered with 400.
struct SimulatedRequestError: Error, Equatable {
    var message: String
    var code: String
}
