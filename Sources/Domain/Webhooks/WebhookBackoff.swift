/// When a delivery that was not taken is tried again: after 5 s, 15 s, 45 s and so on, at last every four hours.
public enum WebhookBackoff {
    public static let base = Duration.seconds(5)
    public static let cap = Duration.seconds(4 * 3_600)

    /// The wait after `attempts` attempts, a fifth more or less, so that what failed together does not come back together.
    ///
    /// - Parameter retryAfter: what the receiver asked for, in seconds; an hour at most is given.
    public static func delay(
        after attempts: Int, retryAfter: Int? = nil, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        var wait = base
        for _ in 1..<max(2, min(attempts, 20)) where attempts > 1 { wait = min(cap, wait * 3) }
        wait = wait * Double.random(in: 0.8...1.2, using: &generator)
        return max(wait, .seconds(min(max(retryAfter ?? 0, 0), 3_600)))
    }
}
