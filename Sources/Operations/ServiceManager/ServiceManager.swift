import FoundationEssentials
import Glibc

/// The service manager that started this process and wants to hear how it is: systemd, for a unit of `Type=notify`.
///
/// The protocol is one datagram a message to the socket that the environment names (systemd, sd_notify(3)). A message that cannot be sent is
/// dropped: the manager's own timeouts are the backstop, and no work may wait for it.
public struct ServiceManager: Sendable {
    /// One thing to tell.
    public enum Notice: Sendable, Equatable {
        /// The service takes work.
        case ready
        /// It reads its configuration anew; ``ready`` ends that.
        case reloading
        /// It ends.
        case stopping
        /// A line for people, as `systemctl status` shows it. The first line of at most 200 characters counts.
        case status(String)
        /// The loop that does the work goes round.
        case watchdog
        /// The start or the end under way may take so much longer from now on.
        case extendTimeout(Duration)

        var text: String {
            switch self {
            case .ready: "READY=1"
            // What systemd 253 and newer ask for beside it; older ones ignore it.
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Self.monotonicMicroseconds)"
            case .stopping: "STOPPING=1"
            case .status(let line): "STATUS=\(line.prefix { !$0.isNewline }.prefix(200))"
            case .watchdog: "WATCHDOG=1"
            case .extendTimeout(let time): "EXTEND_TIMEOUT_USEC=\(Int64(time / .microseconds(1)))"
            }
        }

        private static var monotonicMicroseconds: Int {
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            return now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
        }
    }

    /// The socket: a path, or `@` and a name in the abstract namespace.
    private let address: String
    /// How long the manager waits for a ``Notice/watchdog`` before it kills the service; nil where it does not watch.
    public let watchdogTimeout: Duration?

    /// nil where no manager listens. The variables stay in the environment; who starts children should not hand them on.
    public init?() {
        self.init(environment: ProcessInfo.processInfo.environment, processID: getpid())
    }

    init?(environment: [String: String], processID: Int32) {
        guard let address = environment["NOTIFY_SOCKET"], address.utf8.count > 1, address.hasPrefix("/") || address.hasPrefix("@"),
            address.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path)
        else { return nil }
        self.address = address
        let isForThisProcess = environment["WATCHDOG_PID"].map { Int32($0) == processID } ?? true
        let timeout = environment["WATCHDOG_USEC"].flatMap(Int64.init).flatMap { $0 > 0 ? Duration.microseconds($0) : nil }
        watchdogTimeout = isForThisProcess ? timeout : nil
    }

    /// Tells all of it at once, without waiting.
    public func tell(_ notices: Notice...) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let text = Array(notices.map(\.text).joined(separator: "\n").utf8)
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        let length = withUnsafeMutableBytes(of: &target.sun_path) { path in
            path.copyBytes(from: address.utf8)
            // A name in the abstract namespace begins with a zero byte, and ends with the address.
            if address.hasPrefix("@") { path[0] = 0 }
            return MemoryLayout<sa_family_t>.size + address.utf8.count + (address.hasPrefix("@") ? 0 : 1)
        }
        withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), pointer, socklen_t(length))
            }
        }
    }
}
