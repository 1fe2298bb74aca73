import Domain
import Foundation

/// What a file of tasks holds.
enum TaskFile {
    /// One JSON text: a task, or an array of tasks.
    case tasks([JSONValue])
    /// A task a line. The gateway checks them, and names the lines that are wrong.
    case lines([UInt8])

    /// `-` reads standard input.
    init(path: String) throws {
        let data: Data
        if path == "-" {
            data = FileHandle.standardInput.readDataToEndOfFile()
        } else if let contents = FileManager.default.contents(atPath: path) {
            data = contents
        } else {
            throw ConfigurationFault(place: path, message: "the file cannot be read")
        }
        self = try TaskFile(bytes: Array(data), place: path)
    }

    /// - Parameter place: what an error names.
    init(bytes: [UInt8], place: String) throws {
        switch Result(catching: { () throws(JSONError) in try JSONValue(parsing: bytes) }) {
        case .success(let whole):
            guard whole.arrayValue?.isEmpty != true else { throw ConfigurationFault(place: place, message: "holds no task") }
            self = .tasks(whole.arrayValue ?? [whole])
        case .failure(let error):
            let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1)
            // Of one text that goes over several lines, the first is none by itself.
            guard lines.count > 1, (try? JSONValue(parsing: Array(lines[0]))) != nil else {
                throw ConfigurationFault(place: place, message: bytes.isEmpty ? "holds no task" : "no JSON: \(error)")
            }
            self = .lines(bytes)
        }
    }
}
