import Glibc
import Synchronization

/// The time that answers bear (`Date`, RFC 9110 §6.6.1), put into words once a second.
@usableFromInline final class ResponseDate: Sendable {
    private let last = Mutex((second: -1, text: ""))

    @usableFromInline init() {}

    @usableFromInline var text: String {
        let second = time(nil)
        return last.withLock { last in
            if last.second != second { last = (second, Self.text(of: second)) }
            return last.text
        }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`: names are the C locale's, which this process never leaves.
    static func text(of second: time_t) -> String {
        var (second, parts) = (second, tm())
        gmtime_r(&second, &parts)
        return String(unsafeUninitializedCapacity: 64) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { strftime($0.baseAddress, $0.count, "%a, %d %b %Y %H:%M:%S GMT", &parts) }
        }
    }
}
