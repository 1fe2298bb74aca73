import Foundation
import Synchronization

/// What really happened and when, for whoever looks into a failure.
final class ChaosLog: Sendable {
    private let start = ContinuousClock.now
    private let lines = Mutex<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    func add(_ line: String) {
        let line = "\(Self.seconds(ContinuousClock.now - start)) \(line)"
        lines.withLock { $0.append(line) }
    }

    static func seconds(_ duration: Duration) -> String {
        String(format: "%.2fs", duration / .seconds(1))
    }
}
