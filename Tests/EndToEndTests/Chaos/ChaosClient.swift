import Domain
import Foundation
import HTTPTypes
import NIOURLSession
import Synchronization

@testable import Operations

/// What people and services outside do to the system through its API, with whatever gateway answers.
final class ChaosClient: Sendable {
    let projects: [ChaosProject: String]
    private let fleet: Fleet
    private let ports: [Int]
    private let state = Mutex(ChaosLedger())

    /// A gateway that stands still is given up.
    private static let timeouts = NIOURLSessionTimeouts(firstByte: .seconds(4), idle: .seconds(4), call: .seconds(4))
    /// Milliseconds between what one service, or all people together, do.
    private static let pause = 50...500

    init(system: ChaosFleet) async throws {
        fleet = system.fleet
        ports = system.gatewayPorts
        var projects: [ChaosProject: String] = [:]
        for project in ChaosProject.allCases {
            let (response, answer) = try await fleet.request(.post, "/v1/projects", project.body)
            guard let id = answer["project_id"]?.stringValue else {
                throw DevSystem.Unexpected(status: response.status.code, answer: answer)
            }
            projects[project] = id
        }
        self.projects = projects
    }

    var ledger: ChaosLedger { state.withLock { $0 } }

    // MARK: Services

    /// Hands in tasks until `end`; what was refused is handed in again, as something new.
    func submit(as name: String, until end: ContinuousClock.Instant, dice: SplitMix64) async throws {
        var dice = dice
        var number = 0
        while ContinuousClock.now < end {
            number += 1
            let draft = ChaosDraft(name: "\(name)-\(number)", dice: &dice)
            let answer = await submit(draft, port: ports.randomElement(using: &dice) ?? fleet.gatewayPort)
            state.withLock { $0.note(draft, answer) }
            try await Task.sleep(for: .milliseconds(Int.random(in: Self.pause, using: &dice)))
        }
    }

    private func submit(_ draft: ChaosDraft, port: Int) async -> ChaosLedger.Answer {
        do {
            let (response, answer) = try await fleet.send(
                .post, "/v1/projects/\(projects[draft.project] ?? "")/tasks", port: port, draft.body, timeouts: Self.timeouts)
            switch response.status.code {
            case 201: return .accepted(ChaosDraft.ids(in: answer))
            case 503: return .refused
            // The gateway itself does not know.
            case 504: return .unknown
            default:
                complain("request \(draft.name) was answered with \(response.status.code): \(answer.text)")
                return .unknown
            }
        } catch let error as NIOURLSessionError where error.delivery == .notSent {
            return .refused
        } catch {
            return .unknown
        }
    }

    // MARK: People

    /// Cancels, pauses, resumes and retries tasks, and pauses and resumes a project, until `end`.
    func meddle(until end: ContinuousClock.Instant, dice: SplitMix64) async throws {
        var dice = dice
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(Int.random(in: Self.pause, using: &dice)))
            let port = ports.randomElement(using: &dice) ?? fleet.gatewayPort
            if dice.unit() < 0.1 {
                await move(project: .moody, Bool.random(using: &dice) ? "pause" : "resume", port: port)
            } else if let task = state.withLock({ $0.accepted.suffix(200).randomElement(using: &dice) }) {
                let action = [TaskAction.cancel, .pause, .pause, .resume, .resume, .retry].randomElement(using: &dice) ?? .resume
                await move(task, action, port: port)
            }
        }
    }

    /// Resumes what is paused, as a person would at the end of the day.
    func resume(_ tasks: [UUID]) async {
        await move(project: .moody, "resume", port: ports[0])
        for task in tasks { await move(task, .resume, port: ports[0]) }
    }

    private func move(_ task: UUID, _ action: TaskAction, port: Int) async {
        guard let status = await post("/v1/tasks/\(task.text)/\(action.rawValue)", port: port) else {
            return state.withLock { $0.note(action, of: task, isDone: false) }
        }
        switch status {
        case 200: state.withLock { $0.note(action, of: task, isDone: true) }
        // Of a move it does not promise that nothing happened.
        case 503: state.withLock { $0.note(action, of: task, isDone: false) }
        case 409: break
        default: complain("\(action.rawValue) of \(task.text) was answered with \(status)")
        }
    }

    private func move(project: ChaosProject, _ action: String, port: Int) async {
        let status = await post("/v1/projects/\(projects[project] ?? "")/\(action)", port: port)
        if let status, ![200, 409, 503].contains(status) { complain("\(action) of a project was answered with \(status)") }
    }

    /// The status; nil where none came.
    private func post(_ path: String, port: Int) async -> Int? {
        try? await fleet.send(.post, path, port: port, [:], timeouts: Self.timeouts).0.status.code
    }

    private func complain(_ words: String) { state.withLock { $0.complain(words) } }
}
