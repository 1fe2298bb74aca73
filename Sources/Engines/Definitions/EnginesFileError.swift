/// All that is wrong with an engines file, each with its line. It never shows a value of the file.
public struct EnginesFileError: Error, Sendable, Hashable, CustomStringConvertible {
    public struct Fault: Sendable, Hashable {
        /// Counted from 1; nil where the whole file is at fault.
        public let line: Int?
        /// The key's path in the file and what is allowed there.
        public let text: String
    }

    public let file: String
    public let faults: [Fault]

    public var description: String {
        faults.map { fault in fault.line.map { "\(file):\($0): \(fault.text)" } ?? "\(file): \(fault.text)" }.joined(separator: "\n")
    }
}
