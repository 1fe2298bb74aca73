import ArgumentParser
import Domain

extension BenchCommand {
    struct Throughput: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Hand tasks in and wait until all have ended.")

        @OptionGroup var options: ClientOptions
        @Option(help: "How many tasks.") var tasks = 5_000
        @Option(help: "Tasks of one request, 1 to 1000.") var batch = 500
        @Option(help: "Connections that hand in.") var callers = 4

        func validate() throws { try BenchCommand.check(tasks: tasks, batch: batch, callers: callers, rate: 0) }

        func run() async throws {
            let figures = try await options.withClient { client in
                let system = BenchSystem(client: client)
                let project = try await system.makeProject()
                let load = try await system.enqueue(LoadPlan(tasks: tasks, batch: batch, callers: callers), into: project)
                let progress = try await system.waitUntilEnded(project)
                let times = try await system.times(of: project)
                return [
                    BenchFigure("accepted_per_second", Double(tasks) / load.seconds, "tasks/s"),
                    BenchFigure("completed_per_second", times.span > 0 ? Double(times.count) / times.span : 0, "tasks/s"),
                    BenchFigure("completed", Double(progress.count(.completed)), "tasks"),
                    BenchFigure("failed", Double(progress.count(.failed)), "tasks"),
                ]
            }
            BenchFigure.show(figures, json: options.json)
        }
    }

    struct Latency: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hand tasks in one by one at an easy pace: how long from accepted to completed, the engine's own time included.")

        @OptionGroup var options: ClientOptions
        @Option(help: "How many tasks.") var tasks = 750
        @Option(help: "Tasks a second.") var rate = 50.0

        func validate() throws { try BenchCommand.check(tasks: tasks, batch: 1, callers: 1, rate: rate) }

        func run() async throws {
            let figures = try await options.withClient { client in
                let system = BenchSystem(client: client)
                let project = try await system.makeProject()
                let load = try await system.enqueue(LoadPlan(tasks: tasks, callers: 4, rate: rate), into: project)
                _ = try await system.waitUntilEnded(project)
                let times = try await system.times(of: project).taskTimes
                return [
                    BenchFigure("task_p50", times.milliseconds(atPercentile: 50), "ms"),
                    BenchFigure("task_p99", times.milliseconds(atPercentile: 99), "ms"),
                    BenchFigure("task_max", times.milliseconds(atPercentile: 100), "ms"),
                    BenchFigure("accept_p50", load.answerTimes.milliseconds(atPercentile: 50), "ms"),
                    BenchFigure("accept_p99", load.answerTimes.milliseconds(atPercentile: 99), "ms"),
                    BenchFigure("accept_max", load.answerTimes.milliseconds(atPercentile: 100), "ms"),
                ]
            }
            BenchFigure.show(figures, json: options.json)
        }
    }

    struct Acceptance: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How many tasks a second the gateway accepts durably: by one caller, by 16, in arrays of 500, as lines.",
            discussion: """
                Arrays come from four callers, lines from one and from four. Workers that run at the same time share the machine with it: stop \
                them, or read the figures as they are.
                """)

        @OptionGroup var options: ClientOptions
        @Option(help: "Tasks handed in one by one; arrays and lines hold ten times as many.") var tasks = 1_000

        func validate() throws { try BenchCommand.check(tasks: tasks, batch: 1, callers: 1, rate: 0) }

        func run() async throws {
            let figures = try await options.withClient { client in
                let system = BenchSystem(client: client)
                let project = try await system.makeProject()
                let loads = [
                    ("single_caller", LoadPlan(tasks: tasks)), ("16_callers", LoadPlan(tasks: tasks * 4, callers: 16)),
                    ("arrays_of_500", LoadPlan(tasks: tasks * 10, batch: 500, callers: 4)),
                    ("ndjson_upload", LoadPlan(tasks: tasks * 10, batch: tasks * 10, isLines: true)),
                    ("4_ndjson_uploads", LoadPlan(tasks: tasks * 10, batch: tasks * 5 / 2, isLines: true, callers: 4)),
                ]
                var figures: [BenchFigure] = []
                for (name, plan) in loads {
                    let load = try await system.enqueue(plan, into: project)
                    figures.append(BenchFigure(name, Double(plan.tasks) / load.seconds, "tasks/s"))
                }
                return figures
            }
            BenchFigure.show(figures, json: options.json)
        }
    }

    struct Noisy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How much longer a project's few tasks take behind another project's many.")

        @OptionGroup var options: ClientOptions
        @Option(help: "Tasks of the small project.") var tasks = 20
        @Option(help: "Tasks of the large project.") var behind = 5_000

        func validate() throws {
            try BenchCommand.check(tasks: tasks, batch: 1, callers: 1, rate: 0)
            try BenchCommand.check(tasks: behind, batch: 1, callers: 1, rate: 0)
        }

        func run() async throws {
            let figures = try await options.withClient { client in
                let system = BenchSystem(client: client)
                let few = LoadPlan(tasks: tasks, batch: min(tasks, 500))
                let alone = try await took(few, system)
                let neighbour = try await system.makeProject()
                _ = try await system.enqueue(LoadPlan(tasks: behind, batch: 500, callers: 4), into: neighbour)
                let behind = try await took(few, system)
                _ = try await system.waitUntilEnded(neighbour)
                return [
                    BenchFigure("alone", alone * 1_000, "ms"), BenchFigure("behind", behind * 1_000, "ms"),
                    BenchFigure("ratio", alone > 0 ? behind / alone : 0, ""),
                ]
            }
            BenchFigure.show(figures, json: options.json)
        }

        private func took(_ plan: LoadPlan, _ system: BenchSystem) async throws -> Double {
            let project = try await system.makeProject()
            _ = try await system.enqueue(plan, into: project)
            _ = try await system.waitUntilEnded(project)
            return try await system.times(of: project).span
        }
    }

    struct Enqueue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Hand tasks in, and wait for their acceptance only.")

        @OptionGroup var options: ClientOptions
        @Option(help: "The project's name; it is made where there is none.") var project: String
        @Option(help: "How many tasks.") var tasks = 1
        @Option(help: "Tasks of one request, 1 to 1000; of one upload with --lines, 1 to 100000.") var batch = 1
        @Flag(help: "Send the tasks of a request as lines (application/x-ndjson).") var lines = false
        @Option(help: "Connections, each with one request under way.") var callers = 1
        @Option(help: "Requests a second; 0: as fast as answers come.") var rate = 0.0

        func validate() throws {
            try BenchCommand.check(tasks: tasks, batch: batch, upTo: lines ? 100_000 : 1_000, callers: callers, rate: rate)
        }

        func run() async throws {
            let load = try await options.withClient { client in
                let system = BenchSystem(client: client)
                let id = try await system.project(named: project)
                return try await system.enqueue(
                    LoadPlan(tasks: tasks, batch: batch, isLines: lines, callers: callers, rate: rate), into: id)
            }
            if options.json {
                Output.json(["tasks": .number(JSONNumber(load.tasks)), "seconds": JSONNumber(load.seconds).map(JSONValue.number) ?? .null])
            } else {
                Output.line("accepted \(load.tasks) tasks in \(load.seconds) s")
            }
        }
    }

    static func check(tasks: Int, batch: Int, upTo batchLimit: Int = 1_000, callers: Int, rate: Double) throws {
        guard (1...1_000_000).contains(tasks) else { throw ValidationError("tasks must be 1 to 1000000") }
        guard (1...batchLimit).contains(batch) else { throw ValidationError("--batch must be 1 to \(batchLimit)") }
        guard (1...1_000).contains(callers) else { throw ValidationError("--callers must be 1 to 1000") }
        guard rate >= 0, rate <= 100_000 else { throw ValidationError("--rate must be 0 to 100000") }
    }
}
