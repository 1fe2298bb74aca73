import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import ServiceLifecycle
import Store

/// Reads the body of one upload: checks its lines as they come, and keeps their tasks, the first in memory and the rest on disk.
struct UploadReceiver {
    private let request: Request
    private let context: GatewayContext
    private let engines: EngineDirectory
    private let projectEngines: [String]?
    private let limits: UploadLimits
    private var cutter: LineCutter
    private var check: UploadCheck
    private var tasks = ReceivedTasks()
    /// Of the body as it comes, where somebody wants to know it.
    var digest: RequestDigest?

    init(_ request: Request, _ context: GatewayContext, engines: EngineDirectory, projectEngines: [String]?, limits: UploadLimits) {
        self.request = request
        self.context = context
        self.engines = engines
        self.projectEngines = projectEngines
        self.limits = limits
        cutter = LineCutter(limit: limits.lineBytes)
        check = UploadCheck(taskLimit: limits.tasks)
    }

    /// Reads to the end of the body, and gives what is known of it, and its tasks: every line is right.
    /// - Throws: `Problem`; `UnreadBody` where the answer must end the connection.
    mutating func receive() async throws -> (UploadCheck, ReceivedTasks) {
        try await read(.checkingLines)
        try check.finish()
        return (check, tasks)
    }

    /// Reads to the end of the body for its digest alone. Throws like `receive`.
    mutating func digestOnly() async throws { try await read(.forDigest) }

    private enum Purpose {
        case checkingLines, forDigest
    }

    private mutating func read(_ purpose: Purpose) async throws {
        do {
            try await readPieces(purpose)
        } catch let error as UnreadBody {
            throw error
        } catch {
            throw UnreadBody(problem: Problem(answering: error))
        }
    }

    private mutating func readPieces(_ purpose: Purpose) async throws {
        let length = request.headers[.contentLength].flatMap(Int.init)
        guard length ?? 0 <= limits.bytes else { throw tooLarge }
        let end = ContinuousClock.now + limits.time
        var received = 0
        var pieces = request.body.makeAsyncIterator()
        while true {
            let piece: ByteBuffer?
            do { piece = try await pieces.next() } catch { throw Self.brokeOff }
            guard let piece else { break }
            received += piece.readableBytes
            guard received <= limits.bytes else { throw tooLarge }
            guard ContinuousClock.now < end else { throw tooSlow }
            guard !Task.isShuttingDownGracefully else { throw Problem.unavailable("This gateway is stopping. Try again.") }
            digest?.update(piece)
            guard purpose == .checkingLines else { continue }
            if keepsTasks { try tasks.tail?.spool.append(piece) }
            cutter.append(piece)
            try await checkLines()
        }
        // The server gives a body that broke off as one that has ended.
        guard length.map({ $0 == received }) ?? context.channel.isActive else { throw Self.brokeOff }
        cutter.finish()
        try await checkLines()
    }

    private mutating func checkLines() async throws {
        while let line = cutter.next() {
            switch try await task(line) {
            case .success(let task?):
                try check.add(task)
                if keepsTasks { try keep(task, of: line) }
            case .success(nil): break
            case .failure(let problem):
                tasks = ReceivedTasks()
                try check.add(problem)
            }
        }
    }

    /// What holds a fault is never stored.
    private var keepsTasks: Bool { check.errors.isEmpty }

    /// Keeps the task in memory while there is room; what comes behind it then goes to disk as it comes.
    private mutating func keep(_ task: NewTask, of line: LineCutter.Line) throws {
        guard tasks.tail == nil else { return }
        tasks.head.add(task)
        guard tasks.head.isFull else { return }
        let spool = try UploadSpool()
        try spool.append(cutter.rest)
        tasks.tail = ReceivedTasks.Tail(spool: spool, linesBefore: line.number)
    }

    private mutating func task(_ line: LineCutter.Line) async throws -> Result<NewTask?, Problem> {
        do {
            let (task, names) = try await engines.reading { [limits, projectEngines] known throws(Problem) in
                let names = known.preferring(projectEngines)
                return (try UploadLine.task(line, sizeLimit: limits.tasksPerLine, knownEngines: names), names)
            }
            tasks.knownEngines = names
            return .success(task)
        } catch let problem as Problem {
            return .failure(problem)
        }
    }

    private static let brokeOff = Problem.badRequest("The body broke off.")

    private var tooLarge: Problem {
        Problem(status: 413, title: "Content too large", detail: "An upload may have \(limits.bytes) bytes.")
    }

    private var tooSlow: Problem {
        Problem(status: 408, title: "Request timeout", detail: "An upload may take \(limits.time.components.seconds) s.")
    }
}
