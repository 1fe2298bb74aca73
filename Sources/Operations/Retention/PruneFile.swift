import FoundationEssentials
import Glibc
public import Store
import Synchronization

/// A file to which pruned tasks are appended as lines (NDJSON), each on the disk before its task goes.
///
/// What is in the file when a process is killed may hold tasks that are in the database still: they come once more when they go.
public final class PruneFile: PruneArchive {
    private struct State {
        var buffer: [UInt8] = []
        /// The end of the last batch that is known to have gone.
        var keptLength: Int
    }

    /// Bytes gathered before they are written.
    private static let bufferSize = 1 << 20

    private let path: String
    private let descriptor: Int32
    private let state: Mutex<State>

    /// Opens the file, which only its owner may read where it is new. A last line without an end, which a kill left, is cut off: its task
    /// did not go.
    public init(_ path: String) throws {
        let isNew = access(path, F_OK) != 0
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw OperationsError.system("cannot open \(path)") }
        self.path = path
        do {
            state = Mutex(State(keptLength: try Self.endOfLastLine(descriptor, path)))
            if isNew { try Self.syncFolder(of: path) }
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    public func append(_ line: String) throws {
        try state.withLock { state in
            state.buffer += line.utf8
            state.buffer.append(UInt8(ascii: "\n"))
            if state.buffer.count >= Self.bufferSize { try write(&state.buffer) }
        }
    }

    public func seal() throws {
        try state.withLock { state in try write(&state.buffer) }
        guard fsync(descriptor) == 0 else { throw OperationsError.system("cannot write \(path)") }
    }

    /// The tasks of all lines have gone.
    func keep() {
        state.withLock { $0.keptLength = lseek(descriptor, 0, SEEK_END) }
    }

    /// The tasks behind `keep()` have not gone: their lines are taken back.
    func takeBack() {
        state.withLock { state in
            state.buffer = []
            _ = ftruncate(descriptor, state.keptLength)
        }
    }

    private func write(_ buffer: inout [UInt8]) throws {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw OperationsError.system("cannot write \(path)") }
            rest = rest.dropFirst(count)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Looks for the last line's end from behind, and cuts off what follows.
    private static func endOfLastLine(_ descriptor: Int32, _ path: String) throws -> Int {
        var end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw OperationsError.system("\(path) is no file to append to") }
        let length = end
        var piece = [UInt8](repeating: 0, count: 65_536)
        while end > 0 {
            let start = max(0, end - Int(piece.count))
            let count = pread(descriptor, &piece, Int(end - start), start)
            guard count == Int(end - start) else { throw OperationsError.system("cannot read \(path)") }
            if let last = piece[..<count].lastIndex(of: UInt8(ascii: "\n")) {
                end = start + Int(last) + 1
                break
            }
            end = start
        }
        if end < length, ftruncate(descriptor, end) != 0 { throw OperationsError.system("cannot write \(path)") }
        return end
    }

    /// A new file is there after a crash only when its folder is on the disk.
    private static func syncFolder(of path: String) throws {
        let folder = open(URL(filePath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw OperationsError.system("cannot open the folder of \(path)") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw OperationsError.system("cannot write the folder of \(path)") }
    }
}
