import Domain
import FoundationEssentials
import Glibc
import NIOCore

/// What is too much of an upload to be kept in memory, on disk until it is whole: a file without a name, which is gone with the process.
///
/// The sender may take minutes, and must hold no transaction meanwhile. Writing and reading go to the kernel's cache and
/// need no flush, since what the machine forgets was not acknowledged.
final class UploadSpool: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String

        init(_ what: String, _ code: Int32) { description = "\(what): \(String(cString: strerror(code)))" }
    }

    private let descriptor: Int32

    /// Makes the file in `folder`.
    init(folder: String = FileManager.default.temporaryDirectory.path) throws(Failure) {
        let path = "\(folder)/chorus-upload-\(UUID.v7().text)"
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Failure("cannot make a file in \(folder)", errno) }
        unlink(path)
    }

    deinit { close(descriptor) }

    func append(_ piece: ByteBuffer) throws(Failure) {
        var rest = piece.readableBytesView[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw Failure("cannot write an upload", errno)
            }
        }
    }

    /// Up to `count` bytes from `offset` on; none at the end.
    func piece(at offset: Int, count: Int = 64 << 10) throws(Failure) -> ByteBuffer {
        var failure: Failure?
        var piece = ByteBufferAllocator().buffer(capacity: count)
        piece.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            while true {
                let read = pread(descriptor, bytes.baseAddress, count, off_t(offset))
                if read >= 0 { return read }
                guard errno == EINTR else {
                    failure = Failure("cannot read an upload", errno)
                    return 0
                }
            }
        }
        if let failure { throw failure }
        return piece
    }
}
