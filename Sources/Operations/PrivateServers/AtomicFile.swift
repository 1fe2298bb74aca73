import FoundationEssentials
import Glibc

/// Small text files that are replaced, never changed: a reader sees the old text or the new one.
enum AtomicFile {
    /// Writes `text` into a new file of mode 0600 beside `path`, then renames it over `path`.
    static func write(_ text: String, to path: String) throws {
        let draft = "\(path).new"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw OperationsError.system("cannot write \(draft)") }
        let bytes = Array((text + (text.hasSuffix("\n") ? "" : "\n")).utf8)
        let written = Glibc.write(descriptor, bytes, bytes.count)
        guard close(descriptor) == 0, written == bytes.count, rename(draft, path) == 0 else {
            throw OperationsError.system("cannot write \(path)")
        }
    }

    /// The whole text; nil when there is no such file.
    static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
