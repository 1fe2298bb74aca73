/// What went wrong while operating processes, servers and folders.
public struct OperationsError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; its raw value is bounded and fit for a metric label.
    public enum Code: String, Sendable {
        /// A program that this machine should have is not installed.
        case missingProgram = "missing_program"
        /// A child process could not be started, or ended when it should have gone on or succeeded.
        case processFailed = "process_failed"
        /// Something did not become ready in its time.
        case notReady = "not_ready"
        /// Somebody else listens on a port that must be ours.
        case portTaken = "port_taken"
        /// Another process works in this folder.
        case folderInUse = "folder_in_use"
        /// The folder must not, or cannot, be used for this.
        case folderRefused = "folder_refused"
        /// A backup is not what its manifest says, or has none.
        case backupDamaged = "backup_damaged"
        /// A call of the operating system failed; the message holds its words.
        case system
        /// The object is not in the state that the call needs.
        case wrongState = "wrong_state"
    }

    public let code: Code
    public let message: String
    public let file: String
    public let line: Int

    public init(_ code: Code, _ message: String, file: String = #fileID, line: Int = #line) {
        self.code = code
        self.message = message
        self.file = file
        self.line = line
    }

    public var description: String { "\(message) (\(code.rawValue), \(file):\(line))" }

    /// Whether the same call may succeed later without anybody's help.
    public var isRetryable: Bool {
        switch code {
        case .processFailed, .notReady, .portTaken: true
        case .missingProgram, .folderInUse, .folderRefused, .backupDamaged, .system, .wrongState: false
        }
    }
}
