import Glibc

/// How lines of the log look.
public enum LogFormat: Sendable, Hashable {
    /// For people.
    case text
    /// One object a line, for machines; with a priority before it where the journal reads it.
    case json(hasPriority: Bool)

    /// JSON where the journal reads the lines, text elsewhere.
    public static var automatic: LogFormat { LogFormat("auto") }

    /// - Parameter choice: `text`, `json`, or `auto`.
    public init(_ choice: String) {
        self.init(choice, isJournal: Self.isJournal(getenv("JOURNAL_STREAM").map { String(cString: $0) }, descriptor: STDERR_FILENO))
    }

    init(_ choice: String, isJournal: Bool) {
        self = choice == "json" || choice == "auto" && isJournal ? .json(hasPriority: isJournal) : .text
    }

    /// Whether what is written there goes to the journal: `JOURNAL_STREAM` names its file by device and inode (systemd.exec(5)), because a
    /// child of a unit that writes elsewhere has the variable too.
    static func isJournal(_ variable: String?, descriptor: Int32) -> Bool {
        guard let parts = variable?.split(separator: ":"), parts.count == 2, let device = UInt64(parts[0]), let inode = UInt64(parts[1])
        else { return false }
        var status = stat()
        return fstat(descriptor, &status) == 0 && UInt64(status.st_dev) == device && UInt64(status.st_ino) == inode
    }
}
