import Domain
import FoundationEssentials

/// The vectors that an engine gave.
struct EmbeddingReply: Sendable, Hashable {
    /// In the order of the texts, each as the engine wrote it.
    var vectors: [JSONValue]
    /// nil where the engine names none.
    var model: String?
    /// nil where the engine does not count.
    var usage: TokenUsage?

    /// The same with a vector for each text, written as the caller asked for: not every server heeds `encoding_format`.
    func checked(for request: EmbeddingRequest) throws(EngineError) -> EmbeddingReply {
        guard vectors.count == request.texts.count else {
            throw EngineError(.passing, "the answer has \(vectors.count) vectors for \(request.texts.count) texts")
        }
        var copy = self
        for (index, vector) in vectors.enumerated() {
            guard let encoded = request.encoding.encoded(vector) else {
                throw EngineError(.passing, "the answer's vector \(index) is no array of numbers, nor Base64 of them")
            }
            copy.vectors[index] = encoded
        }
        return copy
    }
}

extension EmbeddingEncoding {
    /// A vector in this encoding, whichever it came in; nil for what is no vector.
    func encoded(_ vector: JSONValue) -> JSONValue? {
        switch (self, vector) {
        case (.float, .array(let numbers)):
            guard !numbers.isEmpty, numbers.allSatisfy({ $0.numberValue != nil }) else { return nil }
            return vector
        case (.base64, .string(let text)): return Self.floats(text).map { _ in vector }
        case (.float, .string(let text)): return Self.floats(text).map { .array($0.compactMap { JSONNumber($0).map(JSONValue.number) }) }
        case (.base64, .array(let numbers)): return Self.base64(numbers).map(JSONValue.string)
        default: return nil
        }
    }

    /// nil where these are no finite 32-bit floats.
    private static func floats(_ text: String) -> [Float]? {
        guard let data = Data(base64Encoded: text), !data.isEmpty, data.count % 4 == 0 else { return nil }
        let bytes = [UInt8](data)
        let floats = stride(from: 0, to: bytes.count, by: 4).map { start in
            Float(bitPattern: bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
        }
        return floats.allSatisfy(\.isFinite) ? floats : nil
    }

    private static func base64(_ numbers: [JSONValue]) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(numbers.count * 4)
        for number in numbers {
            guard let value = number.doubleValue.map(Float.init), value.isFinite else { return nil }
            for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(shift))) }
        }
        return bytes.isEmpty ? nil : Data(bytes).base64EncodedString()
    }
}
