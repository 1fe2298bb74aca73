/// The text of `dev.env`: one `NAME=value` a line, fit for a shell's `source`.
enum DevEnvironmentFile {
    static func render(_ variables: [String: String]) -> String {
        variables.sorted { $0.key < $1.key }.map { "\($0.key)=\(quoted($0.value))\n" }.joined()
    }

    /// Reads what `render` wrote; lines of another form are passed over.
    static func parse(_ text: String) -> [String: String] {
        var result: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let sign = line.firstIndex(of: "="), !line.hasPrefix("#") else { continue }
            result[String(line[..<sign])] = unquoted(line[line.index(after: sign)...])
        }
        return result
    }

    /// Plain where the shell takes it as it is, so that simpler readers than a shell get most values right as well.
    private static func quoted(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "_-.:/@%+,=".utf8.contains(byte)
            }
        }
        return isPlain ? value : "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    private static func unquoted(_ value: Substring) -> String {
        guard value.count >= 2, value.first == "'", value.last == "'" else { return String(value) }
        return String(value.dropFirst().dropLast().replacing(#"'\''"#, with: "'"))
    }
}
