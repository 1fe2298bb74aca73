import Logging

extension DevEnvironment {
    /// Starts the engine, the gateway and the workers.
    func startProcesses(_ context: DevContext, _ preparation: DevPreparation, in folder: DevFolder) async throws {
        guard let gatewayPort = Self.port(of: context.gatewayURL), let enginePort = Self.port(of: context.engineURL) else {
            throw OperationsError(.wrongState, "the gateway or the engine has no port")
        }
        var metricsPorts: [DevMember: Int] = [:]
        for worker in DevMember.workersUp(to: options.workers) {
            metricsPorts[worker] = try await folder.port("\(worker)-metrics", wanted: nil)
        }
        commands = DevCommands(
            executable: executable, options: options, context: context, gatewayPort: gatewayPort, enginePort: enginePort,
            metricsPorts: metricsPorts,
            logFolder: folder.file("log"), inherited: environment, prepared: preparation.processes)
        for member in [.engine, .gateway] + DevMember.workersUp(to: options.workers) { try await start(member) }
    }

    /// Starts one member, or starts it again. A server serves when this returns, the others have only begun.
    private func start(_ member: DevMember) async throws {
        if let server = servers[member] {
            try await server.start()
        } else if let command = commands?.command(for: member) {
            children[member] = try await ChildProcess.start(command)
        }
    }

    /// Waits until the engine listens, the gateway says that it is ready, and the workers are at work.
    /// - Throws: `OperationsError` when one of them dies meanwhile (a first start that fails wants a person) or the time is up.
    func awaitReadiness(_ context: DevContext) async throws {
        let areReady = try await waitUntil(within: Self.readyLimit, every: .milliseconds(50)) {
            for child in children.values {
                if let exit = child.exitIfKnown { throw child.failure(exit) }
            }
            guard await isReady(.engine), await isReady(.gateway) else { return false }
            return try await hooks.areWorkersUp(context, options.workers)
        }
        guard areReady else {
            throw OperationsError(
                .notReady, "not ready after \(Self.readyLimit); the processes write to \(commands?.logFolder ?? "their logs")")
        }
    }

    /// Whether a member answers; those that listen nowhere count as ready.
    private func isReady(_ member: DevMember) async -> Bool {
        guard let commands else { return false }
        switch member {
        case .engine: return LoopbackProbe.isListening(port: commands.enginePort)
        case .gateway: return await LoopbackProbe.isHTTPReady(port: commands.gatewayPort, path: "/readyz")
        case .postgres, .rabbitMQ, .worker: return true
        }
    }

    /// Remembers who runs, once all are ready.
    func notePIDs() async {
        for (member, child) in children { readyPIDs[member] = child.pid }
        for (member, server) in servers { readyPIDs[member] = await server.pid }
    }

    /// Keeps every member running until the task is cancelled.
    func supervise(in folder: DevFolder) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for member in Array(servers.keys) + Array(children.keys) {
                group.addTask { try await self.keepRunning(member, in: folder) }
            }
            try await group.waitForAll()
        }
    }

    /// Starts a member again whenever it dies, for ever: rate-limited, as an environment for work must not give up on its own.
    private func keepRunning(_ member: DevMember, in folder: DevFolder) async throws {
        var backoff = RestartBackoff()
        var startedAt = ContinuousClock.now
        while true {
            let exit = await exit(of: member)
            try Task.checkCancellation()
            let delay = backoff.delay(after: .now - startedAt)
            logger.warning(
                "A process died and is started again",
                metadata: ["process": "\(member)", "exit": "\(exit?.description ?? "it did not start")", "delay": "\(delay)"])
            try await Task.sleep(for: delay)
            startedAt = .now
            do {
                try await restart(member)
                try writeEnvironmentFile(in: folder)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.error("A process could not be started again", metadata: ["process": "\(member)", "error": "\(error)"])
            }
        }
    }

    /// Starts a member again and waits until it answers; the environment file names nobody who does not. A child that dies meanwhile
    /// ends the wait, for the caller to see.
    private func restart(_ member: DevMember) async throws {
        try await start(member)
        _ = try await waitUntil(within: Self.readyLimit, every: .milliseconds(50)) {
            if children[member]?.exitIfKnown != nil { return true }
            return await isReady(member)
        }
        readyPIDs[member] = if let server = servers[member] { await server.pid } else { children[member]?.pid }
    }

    /// Waits for the end of a member; returns at once if it does not run.
    private func exit(of member: DevMember) async -> ProcessExit? {
        if let server = servers[member] { return await server.exit() }
        return await children[member]?.exit()
    }

    /// Stops everything that runs, step by step.
    func stopAll() async {
        for step in DevMember.stopOrder(workers: options.workers) {
            await withTaskGroup(of: Void.self) { group in
                for member in step { group.addTask { await self.stop(member) } }
            }
        }
    }

    private func stop(_ member: DevMember) async {
        if let server = servers[member] {
            await server.stop()
        } else if let child = children[member] {
            let exit = await child.terminate(grace: member.grace)
            if !exit.isSuccess { logger.warning("A process did not stop well", metadata: ["process": "\(member)", "exit": "\(exit)"]) }
        }
    }

    private static func port(of url: String) -> Int? {
        url.split(separator: ":").last.flatMap { Int($0) }
    }
}
