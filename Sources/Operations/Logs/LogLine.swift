import Domain
import FoundationEssentials
import Logging

/// One line of the log: pure. Whatever a message or a value holds, it stays one line, and not a long one.
struct LogLine: Sendable {
    /// Characters of the message and of each value; the journal takes 48 KiB a line (`LineMax`, journald.conf(5)).
    static let lengthLimit = 4_000
    static let valueLimit = 32
    /// Keys of the line itself: a value of that name gets an underscore behind its own.
    private static let ownKeys: Set = ["time", "level", "logger", "message"]

    var time: Date
    var level: Logger.Level
    var logger: String
    var message: String
    var metadata: Logger.Metadata

    func rendered(_ format: LogFormat) -> String {
        switch format {
        case .text: text
        case .json(let hasPriority): hasPriority ? "<\(level.priority)>\(json)" : json
        }
    }

    private var values: [(key: String, value: Logger.MetadataValue)] {
        Array(metadata.sorted { $0.key < $1.key }.prefix(Self.valueLimit))
    }

    private var text: String {
        values.reduce("\(RFC3339.text(time)) \(level.rawValue) \(logger): \(Self.plain(message))") { line, pair in
            "\(line) \(Self.plain(pair.key))=\(Self.quoted(Self.cut("\(pair.value)")))"
        }
    }

    private var json: String {
        var object: JSONObject = [
            "time": .string(RFC3339.text(time)), "level": .string(level.rawValue), "logger": .string(logger),
            "message": .string(Self.cut(message)),
        ]
        for (key, value) in values { object[Self.ownKeys.contains(key) ? "\(key)_" : key] = Self.json(value) }
        return JSONValue.object(object).text
    }

    private static func json(_ value: Logger.MetadataValue, depth: Int = 4) -> JSONValue {
        switch value {
        case .array(let values) where depth > 0: .array(values.prefix(valueLimit).map { json($0, depth: depth - 1) })
        case .dictionary(let values) where depth > 0:
            .object(
                values.sorted { $0.key < $1.key }.prefix(valueLimit).reduce(into: JSONObject()) {
                    $0[$1.key] = json($1.value, depth: depth - 1)
                })
        default: .string(cut("\(value)"))
        }
    }

    private static func cut(_ text: String) -> String { text.cut(to: lengthLimit) }

    /// Without anything that could end a line or move a terminal's cursor.
    private static func plain(_ text: String) -> String {
        cut(text).unicodeScalars.reduce(into: "") { plain, scalar in
            switch scalar {
            case "\n": plain += "\\n"
            case "\r": plain += "\\r"
            case "\t": plain += "\\t"
            case _ where scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029:
                plain += "\\u{\(String(scalar.value, radix: 16))}"
            default: plain.unicodeScalars.append(scalar)
            }
        }
    }

    private static func quoted(_ text: String) -> String {
        let isBare = !text.isEmpty && !text.contains { $0.isWhitespace || $0 == "\"" || $0 == "=" || $0 == "\\" }
        return isBare ? plain(text) : "\"\(plain(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")))\""
    }
}

extension Logger.Level {
    /// The journal's (sd-daemon(3), syslog(3)).
    var priority: Int {
        switch self {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }
}
