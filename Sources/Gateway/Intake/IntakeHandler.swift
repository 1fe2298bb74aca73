import AMQP
import Domain
import FoundationEssentials
import Logging
import Store

/// Does what messages ask for, many at a time: what they store goes into the group commit that HTTP's requests go into.
struct IntakeHandler: Sendable {
    let store: Store
    let access: Access
    let creations: ProjectCreations
    let submissions: TaskSubmissions
    let bodyLimit: Int
    let isTraced: Bool
    let logger: Logger

    /// A message whose sender is known.
    private struct Known: Sendable {
        let message: IntakeMessage
        let delivered: AMQPMessage
        let principal: Principal
        let request: IdempotentRequest?
    }

    private enum Reading: Sendable {
        case known(Known)
        case ended(IntakeOutcome)
    }

    /// One outcome a message, in their order.
    func outcomes(of deliveries: [AMQPDelivery]) async -> [IntakeOutcome] {
        let readings = await concurrently(deliveries) { await read($0) }
        let keys = readings.compactMap { if case .known(let known) = $0 { known.request?.key } else { nil } }
        let remembered: [IdempotencyKey: RememberedAnswer]
        do {
            // One statement for all of them, where a request over HTTP has one of its own.
            remembered = keys.isEmpty ? [:] : try await store.remembered(Array(Set(keys)))
        } catch {
            return readings.map { if case .ended(let outcome) = $0 { outcome } else { failure(error, keyID: nil) } }
        }
        return await concurrently(readings) { reading in
            switch reading {
            case .ended(let outcome): outcome
            case .known(let known):
                await RequestTrace.follow(known.delivered, isOn: self.isTraced) {
                    await self.outcome(of: known, first: known.request.flatMap { remembered[$0.key] })
                }
            }
        }
    }

    private func read(_ delivery: AMQPDelivery) async -> Reading {
        // The key's id is wanted for the copy of a message that is wrong as well.
        var keyID: UUID?
        do {
            guard let credential = IntakeMessage.credential(in: delivery.message) else { throw Problem.unauthorized }
            let principal = try await access.principal(showing: credential)
            keyID = principal.keyID
            let message = try IntakeMessage(delivery.message, omittedBodySize: delivery.omittedBodySize, bodyLimit: bodyLimit)
            return .known(
                Known(
                    message: message, delivered: delivery.message, principal: principal, request: IdempotentRequest(message, of: principal))
            )
        } catch {
            return .ended(failure(error, keyID: keyID))
        }
    }

    private func outcome(of known: Known, first: RememberedAnswer?) async -> IntakeOutcome {
        do {
            if let first, let request = known.request { return try repeated(first, known, request) }
            switch known.message.kind {
            case .createProject: return .done(try await createProject(known))
            case .createTasks: return .done(try await createTasks(known))
            case .cancelTask: return .done(try await cancelTask(known))
            }
        } catch {
            return failure(error, keyID: known.principal.keyID)
        }
    }

    private func failure(_ error: any Error, keyID: UUID?) -> IntakeOutcome {
        let outcome = IntakeOutcome(error, keyID: keyID)
        if case .refused(let problem, _) = outcome, problem.status >= 500 {
            logger.error("a message failed", metadata: [LogKey.error: "\(error)"])
        }
        return outcome
    }

    private func repeated(_ first: RememberedAnswer, _ known: Known, _ request: IdempotentRequest) throws -> IntakeOutcome {
        let first = try first.matching(request.digest)
        guard known.message.kind == .createTasks else { return .done(IntakeAnswer(repeating: first)) }
        return .done(IntakeAnswer(try TaskSubmissions.repeated(first, known.message.body)))
    }

    private func createProject(_ known: Known) async throws -> IntakeAnswer {
        try known.principal.require(.projectsWrite)
        try known.principal.requireAllProjects()
        switch try await creations.create(known.message.body, by: known.principal, under: known.request) {
        case .made(let record):
            return IntakeAnswer(status: 201, body: record.json.serialized(), location: "/v1/projects/\(record.id.text)")
        case .repeated(let first): return IntakeAnswer(repeating: first)
        }
    }

    private func createTasks(_ known: Known) async throws -> IntakeAnswer {
        let tasks = try ProjectTasks(reading: known.message.body)
        let principal = known.principal
        let project = try await access.requireProject(tasks.projectID, of: principal, to: .submitTasks)
        return IntakeAnswer(
            try await submissions.acceptNew(tasks.body, projectID: tasks.projectID, project, by: principal, under: known.request) {
                try await access.requireProject(
                    tasks.projectID, of: principal, to: .submitTasks, noOlderThan: EngineDirectory.refusalAge)
            })
    }

    /// A task that is cancelled already stays so: the message may have come before.
    private func cancelTask(_ known: Known) async throws -> IntakeAnswer {
        let cancellation = try TaskCancellation(reading: known.message.body)
        try await access.requireTask(cancellation.taskID, of: known.principal, to: .moveTasks)
        do {
            let task = try await store.move(cancellation.taskID, .cancel, by: known.principal.userID, reason: cancellation.reason)
            return IntakeAnswer(status: 200, body: task.json.serialized())
        } catch let problem as Problem where problem.status == 409 {
            guard let task = try await store.task(cancellation.taskID), task.status == .cancelled else { throw problem }
            return IntakeAnswer(status: 200, body: task.json.serialized())
        }
    }

    /// As many at once as a gateway holds messages.
    private func concurrently<Element: Sendable, Value: Sendable>(
        _ elements: [Element], _ value: @escaping @Sendable (Element) async -> Value
    ) async -> [Value] {
        await withTaskGroup(of: (Int, Value).self) { group in
            for (index, element) in elements.enumerated() { group.addTask { (index, await value(element)) } }
            var values: [Value?] = Array(repeating: nil, count: elements.count)
            for await (index, value) in group { values[index] = value }
            return values.compactMap { $0 }
        }
    }
}

extension IntakeAnswer {
    fileprivate init(_ creation: Creation<SubmittedTasks>) {
        switch creation {
        case .made(let tasks): self.init(status: 201, body: tasks.json.serialized(), location: tasks.location)
        case .repeated(let first): self.init(repeating: first)
        }
    }
}
