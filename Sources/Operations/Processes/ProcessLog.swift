import FoundationEssentials
import Glibc

/// The file that a child process writes its output to.
///
/// Each start begins a new file and keeps the one before it as `<path>.1`: the words of a process that died stay readable, and the
/// files cannot grow from start to start.
struct ProcessLog: Sendable {
    let path: String

    /// Opens a fresh file for appending; the caller owns the descriptor.
    func open() throws -> Int32 {
        _ = rename(path, path + ".1")
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw OperationsError.system("cannot open the log \(path)") }
        return descriptor
    }

    /// The last lines, at most 4 KiB of them, for an error message.
    func tail(lines count: Int = 12) -> String {
        guard let handle = fopen(path, "r") else { return "" }
        defer { fclose(handle) }
        fseek(handle, 0, SEEK_END)
        fseek(handle, max(0, ftell(handle) - 4_096), SEEK_SET)
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let length = fread(&buffer, 1, buffer.count, handle)
        return String(decoding: buffer[..<length], as: UTF8.self).split(separator: "\n").suffix(count).joined(separator: "\n")
    }
}
