import Glibc

/// What the simulated engine did, on disk: a line when a call begins and one when it ends, `began KEY` and `ended KEY STATUS`.
///
/// Written with one system call each and no flush: the lines outlive the process, not the machine.
final class SimulatedRecord: Sendable {
    private let descriptor: Int32

    /// Adds to the file at `path`; an engine that is started again goes on with its predecessor's.
    init(path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw OperationsError.system("cannot open the record \(path)") }
    }

    deinit { close(descriptor) }

    func began(_ key: String?) { add("began \(key ?? "-")") }

    func ended(_ key: String?, status: Int) { add("ended \(key ?? "-") \(status)") }

    private func add(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        // A full disk must not stop an engine: what reads the record notices what is missing.
        _ = write(descriptor, bytes, bytes.count)
    }
}
