import Domain
import FoundationEssentials
import Glibc
public import Logging
import SocketExecutor
import Synchronization

/// A file that keeps what could not be recorded yet, through the end of the process and of the machine.
///
/// Entries are appended and flushed to the disk; when every one of them was recorded, the file is emptied. It belongs to one process at a
/// time, by a lock that the kernel drops with the process. Reading and writing block a thread of its own.
public actor Journal {
    /// Why a journal cannot be used.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public var description: String

        init(_ what: String, _ code: Int32? = nil) {
            description = code.map { "\(what): \(String(cString: strerror($0)))" } ?? what
        }
    }

    private nonisolated let executor = SocketExecutor(name: "journal")
    private let path: String
    private let limit: Int
    private let logger: Logger
    private let descriptor: Int32
    private var size: Int
    /// Entries in the file that are not recorded yet.
    private var open: Int
    /// What an earlier process left: nil once it was taken.
    private var found: [JournalEntry]?
    private nonisolated let fullness = Atomic<Bool>(false)

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Whether the file has reached its bound: its worker must begin nothing more that it would owe a record of.
    nonisolated var isFull: Bool { fullness.load(ordering: .relaxed) }

    /// Opens the journal in `folder`, which is made if need be, and reads what an earlier process left.
    ///
    /// - Parameter limit: bytes at which the journal counts as full. What runs at that moment still finds room, up to twice as much.
    /// - Throws: `Failure` where the folder cannot be used, or another worker uses it for longer than a moment.
    public init(folder: String, limit: Int = 64 << 20, logger: Logger) async throws {
        let path = "\(folder)/journal"
        self.path = path
        self.limit = limit
        self.logger = logger
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure("the state directory \(folder) cannot be made: \(error)")
        }
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("cannot open \(path)", errno) }
        self.descriptor = descriptor
        do {
            try await Self.lock(descriptor, path)
            let contents = JournalFormat.read(try Self.contents(of: descriptor, path))
            let entries = contents.payloads.compactMap { payload in
                (try? JSONValue(parsing: payload, limits: JSONLimits(depth: 512))).flatMap(JournalEntry.init(json:))
            }
            if contents.strayBytes > 0 || entries.count < contents.payloads.count {
                try Self.keepCopy(of: path)
                logger.error(
                    "a part of the journal cannot be read; a copy is kept beside it",
                    metadata: [
                        "path": "\(path).damaged", "bytes": "\(contents.strayBytes)",
                        "entries": "\(contents.payloads.count - entries.count)",
                    ])
            }
            guard ftruncate(descriptor, contents.validSize) == 0 else { throw Failure("cannot shorten \(path)", errno) }
            guard lseek(descriptor, 0, SEEK_END) >= 0 else { throw Failure("cannot seek in \(path)", errno) }
            size = contents.validSize
            open = entries.count
            found = entries
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        fullness.store(size >= limit, ordering: .relaxed)
        try settle(0)
    }

    deinit {
        Glibc.close(descriptor)
        executor.shutDown()
    }

    /// What an earlier process left, once: whoever takes it owes a `settle` for each.
    func takeFound() -> [JournalEntry] {
        defer { found = nil }
        return found ?? []
    }

    /// Appends entries, and returns when they are on the disk.
    func append(_ entries: [JournalEntry]) throws {
        let bytes = entries.flatMap { JournalFormat.record($0.json.serialized()) }
        guard size + bytes.count <= 2 * limit else { throw Failure("the journal \(path) is full") }
        do {
            try write(bytes)
            guard fsync(descriptor) == 0 else { throw Failure("cannot flush \(path)", errno) }
        } catch {
            // Half a record at the end would hide those that follow.
            _ = ftruncate(descriptor, size)
            _ = lseek(descriptor, size, SEEK_SET)
            throw error
        }
        size += bytes.count
        open += entries.count
        fullness.store(size >= limit, ordering: .relaxed)
    }

    /// So many entries were recorded; with the last one the file is emptied.
    func settle(_ count: Int) throws {
        open -= count
        guard open == 0, size > 0 else { return }
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0, fsync(descriptor) == 0 else {
            throw Failure("cannot empty \(path)", errno)
        }
        size = 0
        fullness.store(false, ordering: .relaxed)
    }

    private func write(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure("cannot write to \(path)", errno) }
            written += count
        }
    }

    /// A worker that was just killed may not be gone entirely.
    private static func lock(_ descriptor: Int32, _ path: String) async throws {
        let end = ContinuousClock.now + .seconds(5)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw Failure("cannot lock \(path)", errno) }
            guard ContinuousClock.now < end else {
                throw Failure("another worker uses \(path): each worker needs a state directory of its own")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func contents(of descriptor: Int32, _ path: String) throws -> [UInt8] {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Failure("cannot look at \(path)", errno) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress.map { $0 + position }, $0.count - position, position)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure("cannot read \(path)", errno) }
            if count == 0 { break }
            position += count
        }
        return Array(bytes.prefix(position))
    }

    /// One copy: the newest takes the place of an older one.
    private static func keepCopy(of path: String) throws {
        try? FileManager.default.removeItem(atPath: "\(path).damaged")
        do {
            try FileManager.default.copyItem(atPath: path, toPath: "\(path).damaged")
        } catch {
            throw Failure("cannot copy \(path): \(error)")
        }
    }
}
