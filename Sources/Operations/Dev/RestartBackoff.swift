/// How long to wait before a process that died is started again.
///
/// The delay doubles with each death and falls back once a process has lived for a while: a crash costs little, a crash loop does not
/// burn the machine.
struct RestartBackoff: Sendable, Equatable {
    static let first: Duration = .milliseconds(100)
    static let longest: Duration = .seconds(10)
    /// A process that lived this long counts as healthy again.
    static let healthy: Duration = .seconds(30)

    private var next = Self.first

    /// The delay after a process that lived for `lifetime`.
    mutating func delay(after lifetime: Duration) -> Duration {
        if lifetime >= Self.healthy { next = Self.first }
        defer { next = min(next * 2, Self.longest) }
        return next
    }
}
