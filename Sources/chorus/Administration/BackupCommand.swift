import ArgumentParser
import Domain
import Foundation
import Operations
import Postgres
import Store

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Backups of the database: make, list, verify, restore, prune.",
        discussion: """
            A backup is a file of pg_dump and a manifest beside it, in a folder (an absolute path) or a remote of rclone \
            (rclone:REMOTE:PATH, for S3 and others). With a key file, an identity of age, it is encrypted.
            """,
        subcommands: [Create.self, List.self, Verify.self, Restore.self, Prune.self])

    /// Where backups lie, and what reads them.
    struct Place: ParsableArguments {
        @OptionGroup var options: ServerOptions
        @Option(help: ArgumentHelp("A folder, or rclone:REMOTE:PATH; backup.target of the configuration without.", valueName: "target"))
        var target: String?
        @Option(
            help: ArgumentHelp(
                "An identity of age (age-keygen) to encrypt for and to read with; backup.key_file without.", valueName: "file")
        )
        var keyFile: String?
        @Flag(help: "Answer in JSON.") var json = false

        func with<Value: Sendable>(_ body: (BackupStore) async throws -> Value) async throws -> Value {
            let source = try ConfigurationSource(path: options.config)
            let configuration = try ChorusConfiguration.database(source, "chorus-backup")
            let place = try BackupTarget(try target ?? source.text("backup.target"))
            let key = try keyFile.map { URL(fileURLWithPath: $0).path } ?? source.path("backup.key_file")
            return try await DatabaseSession.with(options) { database in
                try await body(
                    BackupStore(
                        target: place, database: configuration, store: Store(database), release: Release.version, keyFile: key))
            }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a backup of the whole database, while it is in use.")

        @OptionGroup var place: Place
        @Option(help: ArgumentHelp("Days that it is kept; backup.retention without.", valueName: "days")) var retention: Int?

        func validate() throws {
            guard (1...36_500).contains(retention ?? 1) else { throw ValidationError("--retention must be 1 to 36500 days") }
        }

        func run() async throws {
            let days = try retention ?? ConfigurationSource(path: place.options.config).integer("backup.retention")
            let manifest = try await place.with { try await $0.create(retention: days) }
            if place.json {
                Output.line(try manifest.json)
            } else {
                Output.line("\(manifest.backupID.text)  \(manifest.file)  \(ByteCount.text(manifest.sizeBytes))")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List backups, newest first: good (complete; verify looks inside), damaged, missing, unfinished, failed.")

        @OptionGroup var place: Place

        func run() async throws {
            let entries = try await place.with { try await $0.list() }
            if place.json { return Output.json(.object(["data": .array(entries.map(\.json))])) }
            Output.table(
                ["ID", "CREATED", "STATE", "SIZE", "DAYS", "FILE"],
                entries.map {
                    [
                        $0.id.text, RFC3339.text($0.createdAt), $0.state.rawValue, ByteCount.text($0.sizeBytes), "\($0.retentionPeriod)",
                        $0.place,
                    ]
                })
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a backup to its end, restore it into a database of its own, look whether the laws hold there, drop it.")

        @OptionGroup var place: Place
        @Argument(help: "Its id, the id's first eight characters, its file's name, or 'latest'.") var backup = "latest"
        @Flag(help: "Only read the file, against its digest.") var quick = false

        func run() async throws {
            let result = try await place.with { store in
                let manifest = try await store.manifest(backup)
                return (manifest: manifest, report: try await store.verify(manifest, isQuick: quick))
            }
            if place.json {
                Output.json([
                    "backup_id": .string(result.manifest.backupID.text), "holds": .bool(result.report?.holds ?? true),
                    "verification": result.report?.json ?? .null,
                ])
            } else if let report = result.report {
                for finding in report.broken { Output.line("\(finding.law.rawValue): \(finding.law.violation) (\(finding.count))") }
                let holding = report.findings.count - report.broken.count
                Output.line(
                    "\(result.manifest.file): whole, restored, \(report.tasks) tasks, \(holding) of \(report.findings.count) laws hold")
            } else {
                Output.line("\(result.manifest.file): whole")
            }
            if result.report?.holds == false { throw ExitCode(1) }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring a backup into an empty database, in one transaction. Stop gateways and workers first.")

        @OptionGroup var place: Place
        @Argument(help: "Its id, the id's first eight characters, its file's name, or 'latest'.") var backup = "latest"
        @Option(help: ArgumentHelp("Another database than the configured one.", valueName: "url")) var into: String?

        func run() async throws {
            let manifest = try await place.with { store in
                let manifest = try await store.manifest(backup)
                let destination = try into.map { try PostgresConfiguration(url: $0) } ?? store.database
                try await store.restore(manifest, into: destination)
                return manifest
            }
            if place.json {
                Output.line(try manifest.json)
            } else {
                Output.line("\(manifest.file) of \(RFC3339.text(manifest.createdAt)) is restored")
            }
        }
    }

    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove backups whose days are over, and what killed ones left. The newest stay, however old.")

        @OptionGroup var place: Place
        @Option(help: ArgumentHelp("How many good ones stay in any case.", valueName: "count")) var keep = 3
        @Flag(help: "Say what would go, and remove nothing.") var dryRun = false

        func validate() throws {
            guard (1...10_000).contains(keep) else { throw ValidationError("--keep must be 1 to 10000") }
        }

        func run() async throws {
            let removed = try await place.with { try await $0.prune(keeping: keep, isTrial: dryRun) }
            if place.json { return Output.json(["removed": .array(removed.map { .string($0) })]) }
            for place in removed { Output.line("\(dryRun ? "would remove" : "removed") \(place)") }
            if removed.isEmpty { Output.line("nothing to remove") }
        }
    }
}

extension BackupStore.Entry {
    fileprivate var json: JSONValue {
        [
            "backup_id": .string(id.text), "state": .string(state.rawValue), "backup_path": .string(place),
            "size_bytes": .number(JSONNumber(sizeBytes)), "created_at": .string(RFC3339.text(createdAt)),
            "retention_period": .number(JSONNumber(retentionPeriod)), "checksum": checksum.map { .string($0) } ?? .null,
            "encrypted": .bool(isEncrypted),
        ]
    }
}

/// Sizes for people.
private enum ByteCount {
    static func text(_ bytes: Int) -> String {
        guard bytes >= 1_024 else { return "\(bytes) B" }
        var size = Double(bytes)
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while size >= 1_024, unit < units.count - 1 {
            size /= 1_024
            unit += 1
        }
        return "\((size * 10).rounded() / 10) \(units[unit])"
    }
}
