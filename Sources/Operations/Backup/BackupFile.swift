import FoundationEssentials
import Glibc
import Synchronization
import SystemPackage

/// A file that gets its name when it is whole and on disk.
final class NewFile {
    private let path: String
    private var descriptor: Int32

    /// - Throws: `OperationsError` where there is such a file already, or none can be made.
    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw OperationsError.system("cannot write \(path)") }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func write(_ bytes: UnsafeRawBufferPointer) throws { try PlainFile.write(bytes, to: descriptor, path) }

    /// Waits for the disk, then renames it.
    func finish(as name: String) throws {
        guard fsync(descriptor) == 0 else { throw OperationsError.system("cannot write \(path)") }
        let result = close(descriptor)
        descriptor = -1
        guard result == 0, rename(path, name) == 0 else { throw OperationsError.system("cannot write \(name)") }
        // The name has to be on disk too (fsync(2), "NOTES").
        let folder = open(AbsolutePath.parent(of: name), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw OperationsError.system("cannot open the folder of \(name)") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw OperationsError.system("cannot write the folder of \(name)") }
    }

    func discard() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        unlink(path)
    }
}

/// A pipe that a tool reads as its input. A tool that is gone makes the next write fail.
final class PipeToTool: Sendable {
    let readEnd: FileDescriptor
    private let writeEnd: Mutex<FileDescriptor?>

    init() throws {
        // A write to a pipe that nobody reads shall be an error, not the end of this process.
        signal(SIGPIPE, SIG_IGN)
        let pipe = try FileDescriptor.pipe()
        for end in [pipe.readEnd, pipe.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
        readEnd = pipe.readEnd
        writeEnd = Mutex(pipe.writeEnd)
    }

    deinit { close() }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard let end = writeEnd.withLock({ $0 }) else { return }
        try PlainFile.write(bytes, to: end.rawValue, "a pipe")
    }

    func close() {
        try? writeEnd.withLock { end in
            defer { end = nil }
            return end
        }?.close()
    }
}

enum ExistingFile {
    /// Reads it to its end, in pieces of at most 256 KiB.
    static func read(_ path: String, _ consume: (UnsafeRawBufferPointer) throws -> Void) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw OperationsError.system("cannot read \(path)") }
        defer { close(descriptor) }
        try withUnsafeTemporaryAllocation(byteCount: 262_144, alignment: 16) { buffer in
            while true {
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count == 0 { return }
                guard count > 0 else {
                    if errno == EINTR { continue }
                    throw OperationsError.system("cannot read \(path)")
                }
                try consume(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
    }
}

private enum PlainFile {
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws {
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            guard count >= 0 || errno == EINTR else { throw OperationsError.system("cannot write \(path)") }
            written += max(count, 0)
        }
    }
}
