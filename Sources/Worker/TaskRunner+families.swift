import Domain
import Engines
import FoundationEssentials
import Logging
import Store

/// What a parent needs of its children.
extension TaskRunner {
    /// The task's input as it goes to the engine: where it has children, their outcomes stand in its texts. The error fails the task for
    /// good where the text is at fault, and hands it back where the children could not be read.
    func input(of task: ClaimedTask) async throws(EngineError) -> JSONObject {
        guard task.childCount > 0 else { return task.input }
        do {
            // Megabytes may be rendered: not on the thread that carries the calls.
            let rendered = try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try await TaskTexts.rendered(task.input, type: task.type) {
                    guard let children = try await store.childOutcomes(of: task.id, limit: TemplateLimits.contextBytes) else {
                        throw TemplateError.childrenTooLarge
                    }
                    return children
                }
            }
            return rendered ?? task.input
        } catch let error as TemplateError {
            throw EngineError(.permanent, "The text could not be rendered with its children: \(error).", wasSent: false)
        } catch {
            throw Self.unread(task, error, logger)
        }
    }

    /// A group's output counts how its children ended.
    func completeGroup(_ task: ClaimedTask) async -> Settlement {
        var settlement = Settlement(taskID: task.id, attempt: task.attempt, outcome: .completed(output: .null), calls: [])
        do {
            settlement.outcome = .completed(output: try await store.childCounts(of: task.id).output)
        } catch {
            settlement.outcome = policy.outcome(
                of: Self.unread(task, error, logger), retryCount: task.retryCount, maxRetries: task.maxRetries, attempt: task.attempt)
        }
        return settlement
    }

    private static func unread(_ task: ClaimedTask, _ error: any Error, _ logger: Logger) -> EngineError {
        logger.warning("a task's children could not be read", metadata: task.logFields(error))
        return EngineError(Task.isCancelled ? .cancelled : .notSent, "The task's children could not be read.", wasSent: false)
    }
}
