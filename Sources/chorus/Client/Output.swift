import Domain
import Foundation

/// What clients print.
enum Output {
    /// One line of JSON.
    static func json(_ value: JSONValue) {
        line(value.text)
    }

    /// A line on standard output, at once. Who reads no more, such as `head`, ends the command, as it ends any other.
    static func line(_ text: String) {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data("\(text)\n".utf8))
        } catch {
            exit(128 + SIGPIPE)
        }
    }

    /// A piece of a line on standard output, at once.
    static func text(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// Columns as wide as their widest cell.
    static func table(_ header: [String], _ rows: [[String]]) {
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        for row in [header] + rows {
            let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            var text = cells.joined(separator: "  ")
            while text.last == " " { text.removeLast() }
            line(text)
        }
    }
}
