/// What a password's hash costs (RFC 7914 §2): memory is 128 · blockSize · 2^logRounds bytes, time grows with all three.
public struct ScryptCost: Sendable, Hashable {
    public var logRounds: Int
    public var blockSize: Int
    public var parallelism: Int

    /// 32 MiB, and one of the settings that OWASP's Password Storage Cheat Sheet names. Raising it costs nobody their password: whoever
    /// logs in is hashed anew.
    public static let standard = ScryptCost(logRounds: 15, blockSize: 8, parallelism: 3)

    public init(logRounds: Int, blockSize: Int, parallelism: Int) {
        self.logRounds = logRounds
        self.blockSize = blockSize
        self.parallelism = parallelism
    }

    /// Reads `ln=15,r=8,p=3`; nil where it says something else, or more than a gateway should spend on one login.
    init?(_ text: some StringProtocol) {
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 3, let rounds = Self.value(fields[0], "ln="), let size = Self.value(fields[1], "r="),
            let parallelism = Self.value(fields[2], "p="), (1...20).contains(rounds), (1...32).contains(size),
            (1...16).contains(parallelism),
            128 * size << rounds <= 256 << 20
        else { return nil }
        self.init(logRounds: rounds, blockSize: size, parallelism: parallelism)
    }

    var text: String { "ln=\(logRounds),r=\(blockSize),p=\(parallelism)" }

    private static func value(_ field: some StringProtocol, _ name: String) -> Int? {
        field.hasPrefix(name) ? Int(field.dropFirst(name.count)) : nil
    }
}
