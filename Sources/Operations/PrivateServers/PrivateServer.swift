/// A real server of our own: loopback only, data in one folder, gone with this process.
///
/// Its owner calls `start()` and `stop()` one after the other, never at the same time. Once started, a server keeps its port and its URL
/// for every later start, so that clients find it again after `kill(_:)`, `stop()` or `wipe()`.
public protocol PrivateServer: Actor {
    /// The product's name, for messages.
    nonisolated var name: String { get }
    /// Where clients connect, with user and password.
    /// - Throws: `OperationsError` before the first start.
    var url: String { get throws }
    /// The server's process; nil while it does not run.
    var pid: Int32? { get }

    /// Starts the server on its folder and waits until it serves; an orphan of an earlier owner is ended first.
    /// - Returns: the URL.
    @discardableResult func start() async throws -> String
    /// Stops it in the orderly way and keeps its data.
    func stop() async
    /// Sends a signal; after SIGKILL, waits until the process is gone.
    func kill(_ signal: Int32) async
    /// Deletes its data; the next start begins with an empty server on the same port with the same password.
    /// - Throws: `OperationsError` while it runs.
    func wipe() async throws
    /// Waits until the running process ends; nil when none runs or the waiting task was cancelled.
    func exit() async -> ProcessExit?
}
