import FoundationEssentials
import Glibc

/// A process of this machine that is not necessarily our child, told apart from later ones with the same pid by its start time.
///
/// Source: proc(5), field 22 of `/proc/PID/stat`, in clock ticks since boot.
struct ProcessIdentity: Sendable, Equatable {
    let pid: Int32
    let startTime: UInt64

    /// The process with this pid; nil when there is none, or only its remains (a zombie).
    init?(pid: Int32) {
        guard pid > 0, let stat = Self.read(pid, "stat"), let afterName = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        // Counted from the state, field 3: the program's name before it may hold blanks.
        let fields = String(decoding: stat[(afterName + 1)...], as: UTF8.self).split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let startTime = UInt64(fields[19]) else { return nil }
        self.pid = pid
        self.startTime = startTime
    }

    /// Reads what `description` wrote; nil when the text is something else or that process is gone.
    init?(description: String) {
        let fields = description.split(whereSeparator: \.isWhitespace)
        guard fields.count == 2, let pid = Int32(fields[0]), let startTime = UInt64(fields[1]) else { return nil }
        guard let running = ProcessIdentity(pid: pid), running.startTime == startTime else { return nil }
        self = running
    }

    var isRunning: Bool { ProcessIdentity(pid: pid) == self }

    /// Whether its command line or its environment names `path`: the proof that it works there.
    func mentions(_ path: String) -> Bool {
        let needle = Array(path.utf8)
        return ["cmdline", "environ"].contains { name in
            Self.read(pid, name).map { $0.contains(needle) } ?? false
        }
    }

    /// Asks it to end with `signal`, kills it after `grace`, and waits until it is gone.
    /// - Throws: `OperationsError` when it outlives even SIGKILL for five seconds.
    func terminate(signal: Int32, grace: Duration) async throws {
        if isRunning { kill(pid, signal) }
        if try await waitUntil(within: grace, { !isRunning }) { return }
        if isRunning { kill(pid, SIGKILL) }
        guard try await waitUntil(within: .seconds(5), { !isRunning }) else {
            throw OperationsError(.folderInUse, "process \(pid) does not end")
        }
    }

    private static func read(_ pid: Int32, _ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: "/proc/\(pid)/\(name)").map(Array.init)
    }
}

extension ProcessIdentity: CustomStringConvertible {
    var description: String { "\(pid) \(startTime)" }
}
