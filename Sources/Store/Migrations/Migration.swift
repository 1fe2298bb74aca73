import Crypto
import FoundationEssentials

/// One numbered step of the schema.
public struct Migration: Sendable, Hashable {
    public var version: Int
    public var name: String
    /// The statements.
    public var text: String

    /// SHA-256 of the text, in hexadecimal: a file that was released never changes.
    var checksum: String {
        SHA256.hash(data: Data(text.utf8)).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    /// Every step, in order; the texts are compiled in.
    public static let all: [Migration] = [
        Migration(version: 1, name: "seed", text: String(decoding: PackageResources._001_seed_sql, as: UTF8.self)),
        Migration(version: 2, name: "chorus", text: String(decoding: PackageResources._002_chorus_sql, as: UTF8.self)),
        Migration(version: 3, name: "life", text: String(decoding: PackageResources._003_life_sql, as: UTF8.self)),
        Migration(version: 4, name: "fairness", text: String(decoding: PackageResources._004_fairness_sql, as: UTF8.self)),
        Migration(version: 5, name: "recovery", text: String(decoding: PackageResources._005_recovery_sql, as: UTF8.self)),
        Migration(version: 6, name: "families", text: String(decoding: PackageResources._006_families_sql, as: UTF8.self)),
        Migration(version: 7, name: "speed", text: String(decoding: PackageResources._007_speed_sql, as: UTF8.self)),
        Migration(
            version: 8, name: "direct_admission", text: String(decoding: PackageResources._008_direct_admission_sql, as: UTF8.self)),
        Migration(version: 9, name: "gates", text: String(decoding: PackageResources._009_gates_sql, as: UTF8.self)),
        Migration(version: 10, name: "strategies", text: String(decoding: PackageResources._010_strategies_sql, as: UTF8.self)),
        Migration(version: 11, name: "access", text: String(decoding: PackageResources._011_access_sql, as: UTF8.self)),
        Migration(version: 12, name: "idempotency", text: String(decoding: PackageResources._012_idempotency_sql, as: UTF8.self)),
        Migration(version: 13, name: "keys", text: String(decoding: PackageResources._013_keys_sql, as: UTF8.self)),
        Migration(version: 14, name: "events", text: String(decoding: PackageResources._014_events_sql, as: UTF8.self)),
        Migration(version: 15, name: "sessions", text: String(decoding: PackageResources._015_sessions_sql, as: UTF8.self)),
        Migration(version: 16, name: "webhooks", text: String(decoding: PackageResources._016_webhooks_sql, as: UTF8.self)),
        Migration(version: 17, name: "quotas", text: String(decoding: PackageResources._017_quotas_sql, as: UTF8.self)),
        Migration(version: 18, name: "stats", text: String(decoding: PackageResources._018_stats_sql, as: UTF8.self)),
        Migration(version: 19, name: "intake", text: String(decoding: PackageResources._019_intake_sql, as: UTF8.self)),
        Migration(version: 20, name: "exchange", text: String(decoding: PackageResources._020_exchange_sql, as: UTF8.self)),
        Migration(
            version: 21, name: "metered_acceptance", text: String(decoding: PackageResources._021_metered_acceptance_sql, as: UTF8.self)),
        Migration(version: 22, name: "retention", text: String(decoding: PackageResources._022_retention_sql, as: UTF8.self)),
        Migration(
            version: 23, name: "counting_at_once", text: String(decoding: PackageResources._023_counting_at_once_sql, as: UTF8.self)),
        Migration(version: 24, name: "waits", text: String(decoding: PackageResources._024_waits_sql, as: UTF8.self)),
    ]
}
