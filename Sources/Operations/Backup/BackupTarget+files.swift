import FoundationEssentials
import Glibc

extension BackupTarget {
    /// The mark of a file that is being written: never a backup.
    private static let draft = ".partial"
    /// Drafts older than that are nobody's any more.
    private static let draftAge: TimeInterval = 86_400

    /// Stores what the tools write, under `name`, which is there only when it is whole; on disk, where that is a folder.
    func store(_ name: String, from tools: [ToolPipeline.Tool]) async throws -> FileSeal {
        var seal = FileSeal()
        switch self {
        case .folder(let folder):
            try makeFolder(folder)
            let draft = "\(folder)/\(name)\(Self.draft)"
            let file = try NewFile(draft)
            do {
                try await ToolPipeline(tools: tools).run { bytes in
                    seal.add(bytes)
                    try file.write(bytes)
                }
                try file.finish(as: "\(folder)/\(name)")
            } catch {
                file.discard()
                throw error
            }
        case .remote(let remote):
            // rclone sends what comes in pieces; the object is there when it is whole.
            try await Self.upload("\(remote)/\(name)") { write in
                try await ToolPipeline(tools: tools).run { bytes in
                    seal.add(bytes)
                    try write(bytes)
                }
            }
        }
        return seal
    }

    /// Writes a small text, at once.
    func store(_ name: String, text: String) async throws {
        switch self {
        case .folder(let folder):
            let file = try NewFile("\(folder)/\(name)\(Self.draft)")
            do {
                try Array(text.utf8).withUnsafeBytes { try file.write($0) }
                try file.finish(as: "\(folder)/\(name)")
            } catch {
                file.discard()
                throw error
            }
        case .remote(let remote):
            try await Self.upload("\(remote)/\(name)") { write in try Array(text.utf8).withUnsafeBytes { try write($0) } }
        }
    }

    /// What reads the file: a path, or the tool whose output it is.
    func source(_ name: String) throws -> (path: String?, tools: [ToolPipeline.Tool]) {
        switch self {
        case .folder(let folder): ("\(folder)/\(name)", [])
        case .remote(let remote): (nil, [try Self.rclone("cat", "\(remote)/\(name)")])
        }
    }

    /// Reads the whole file, piece by piece.
    func read(_ name: String, _ consume: (UnsafeRawBufferPointer) throws -> Void) async throws {
        switch self {
        case .folder(let folder): try ExistingFile.read("\(folder)/\(name)", consume)
        case .remote(let remote): try await ToolPipeline(tools: [try Self.rclone("cat", "\(remote)/\(name)")]).run(consume)
        }
    }

    /// All files with their sizes; none where the folder is not there yet.
    func files() async throws -> [String: Int] {
        switch self {
        case .folder(let folder):
            var files: [String: Int] = [:]
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                var status = stat()
                if lstat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG { files[name] = Int(status.st_size) }
            }
            return files
        case .remote(let remote):
            struct Entry: Decodable {
                var name: String
                var size: Int
                var isFolder: Bool

                enum CodingKeys: String, CodingKey {
                    case name = "Name"
                    case size = "Size"
                    case isFolder = "IsDir"
                }
            }
            let listing = try await text(of: [try Self.rclone("lsjson", remote)], limit: 16_777_216)
            let entries = try JSONDecoder().decode([Entry].self, from: Data(listing.utf8))
            return Dictionary(entries.filter { !$0.isFolder }.map { ($0.name, $0.size) }, uniquingKeysWith: { $1 })
        }
    }

    /// A small file's text.
    func text(_ name: String) async throws -> String {
        switch self {
        case .folder(let folder):
            var bytes: [UInt8] = []
            try ExistingFile.read("\(folder)/\(name)") { piece in
                guard bytes.count + piece.count <= 1_048_576 else { throw OperationsError(.backupDamaged, "\(name) is too long") }
                bytes.append(contentsOf: piece)
            }
            return String(decoding: bytes, as: UTF8.self)
        case .remote(let remote): return try await text(of: [try Self.rclone("cat", "\(remote)/\(name)")], limit: 1_048_576)
        }
    }

    func remove(_ name: String) async throws {
        switch self {
        case .folder(let folder):
            guard unlink("\(folder)/\(name)") == 0 || errno == ENOENT else {
                throw OperationsError.system("cannot remove \(folder)/\(name)")
            }
        case .remote(let remote): try await ToolPipeline(tools: [try Self.rclone("deletefile", "\(remote)/\(name)")]).run()
        }
    }

    /// Removes what a create that was killed left behind; returns the names.
    func removeDrafts(now: Date) async throws -> [String] {
        guard case .folder(let folder) = self else { return [] }
        var removed: [String] = []
        for name in try await files().keys where name.hasSuffix(Self.draft) {
            var status = stat()
            guard lstat("\(folder)/\(name)", &status) == 0,
                now.timeIntervalSince1970 - TimeInterval(status.st_mtim.tv_sec) > Self.draftAge
            else { continue }
            try await remove(name)
            removed.append(name)
        }
        return removed
    }

    private func text(of tools: [ToolPipeline.Tool], limit: Int) async throws -> String {
        var bytes: [UInt8] = []
        try await ToolPipeline(tools: tools).run { piece in
            guard bytes.count + piece.count <= limit else {
                throw OperationsError(.backupDamaged, "\(self) answered more than \(limit) bytes")
            }
            bytes.append(contentsOf: piece)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func makeFolder(_ folder: String) throws {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw OperationsError.system("cannot make the folder \(folder)") }
    }

    /// What `body` writes becomes a remote's file; nothing does where it throws.
    private static func upload(
        _ place: String, _ body: (_ write: (UnsafeRawBufferPointer) throws -> Void) async throws -> Void
    ) async throws {
        let tool = try rclone("rcat", place)
        let pipe = try PipeToTool()
        let upload = Task { try await ToolPipeline(tools: [tool], input: .descriptor(pipe.readEnd)).run() }
        do {
            try await body { try pipe.write($0) }
            pipe.close()
        } catch {
            // Killed, it leaves nothing; ended by its input's end, it would store what has come so far.
            upload.cancel()
            let cause = await upload.result
            pipe.close()
            // A pipe that broke has its reason there.
            if case .failure(let failure as OperationsError) = cause { throw failure }
            throw error
        }
        try await upload.value
    }

    private static func rclone(_ arguments: String...) throws -> ToolPipeline.Tool {
        // Where its remotes and their keys stand is its own business.
        let inherited = ProcessInfo.processInfo.environment.filter {
            $0.key == "HOME" || $0.key.hasPrefix("RCLONE_") || $0.key.hasPrefix("AWS_")
        }
        return ToolPipeline.Tool(
            executable: try ServerProgram.tool("rclone", package: "rclone"), arguments: ["--retries", "3"] + arguments,
            environment: inherited)
    }
}
