import Domain
import NIOCore

/// One line of an upload as a task.
enum UploadLine {
    /// nil for a line of white space. The task's pointer begins with the line's number: `/7/input_data`.
    ///
    /// - Parameter sizeLimit: how many tasks one line may hold, those inside others included.
    static func task(_ line: LineCutter.Line, sizeLimit: Int, knownEngines: EngineNames) throws(Problem) -> NewTask? {
        let (bytes, number): (ByteBuffer, Int)
        switch line {
        case .tooLong(let number): throw .invalid([FieldError(pointer: "/\(number)", detail: "is longer than a line may be")])
        case .whole(let whole, let its): (bytes, number) = (whole, its)
        }
        guard !bytes.isBlank else { return nil }
        let task = try NewTask(reading: try json(bytes, number), at: "/\(number)", knownEngines: knownEngines)
        let size = task.familySize
        guard size <= sizeLimit else {
            let detail = "holds \(size) tasks with those inside: at most \(sizeLimit) may stand in a line"
            throw .invalid([FieldError(pointer: "/\(number)", detail: detail)])
        }
        try [task].requireEngines(knownEngines)
        return task
    }

    private static func json(_ bytes: ByteBuffer, _ number: Int) throws(Problem) -> JSONValue {
        let result: Result<JSONValue, JSONError> = bytes.withUnsafeReadableBytes { bytes in
            do throws(JSONError) {
                return .success(try JSONValue(parsing: bytes.bindMemory(to: UInt8.self)))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error):
            switch error.code {
            case .syntax, .encoding: throw .invalid([FieldError(pointer: "/\(number)", detail: "is not JSON: \(error)")])
            case .nul, .depth, .number, .duplicateKey:
                throw .invalid([FieldError(pointer: "/\(number)\(error.pointer)", detail: error.message)])
            }
        }
    }
}

extension ByteBuffer {
    /// Nothing but what JSON calls white space (RFC 8259 §2).
    fileprivate var isBlank: Bool {
        readableBytesView.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
    }
}
