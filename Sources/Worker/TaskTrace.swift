import Domain
import Engines
import FoundationEssentials
import Store
import Tracing

/// The part that a task's run has in the trace in which it was handed in. A task without one costs nothing here.
enum TaskTrace {
    private struct Text: Extractor {
        func extract(key: String, from carrier: String) -> String? { key == TraceParent.name ? carrier : nil }
    }

    static func run(_ task: ClaimedTask, _ body: () async -> Settlement) async -> Settlement {
        guard let traceParent = task.traceParent else { return await body() }
        var context = InstrumentationContext.topLevel
        InstrumentationSystem.instrument.extract(traceParent, into: &context, using: Text())
        return await withSpan("run \(task.type)", context: context, ofKind: .consumer) { span in
            let settlement = await body()
            span.updateAttributes { attributes in
                attributes["chorus.task.id"] = task.id.text
                attributes["chorus.project.id"] = task.projectID.text
                attributes["chorus.task.attempt"] = task.attempt
                attributes["chorus.task.outcome"] = settlement.outcome.word
            }
            if case .completed = settlement.outcome { return settlement }
            span.setStatus(SpanStatus(code: .error))
            return settlement
        }
    }

    /// - Parameter body: the call itself, without the wait for its turn.
    static func call(
        _ engine: Engine, _ task: ClaimedTask, _ body: () async -> Result<EngineAnswer, EngineError>
    ) async -> Result<EngineAnswer, EngineError> {
        guard task.traceParent != nil else { return await body() }
        let (operation, model) = (task.isEmbedding ? "embeddings" : "chat", engine.definition.model)
        return await withSpan("\(operation) \(model)", ofKind: .client) { span in
            let result = await body()
            // By OpenTelemetry's conventions for generative AI; no text of a prompt or an answer.
            span.updateAttributes { attributes in
                attributes["gen_ai.operation.name"] = operation
                attributes["gen_ai.request.model"] = model
                attributes["chorus.engine"] = engine.definition.name
                attributes["server.address"] = engine.definition.baseURL.authority
                if let usage = result.usage {
                    attributes["gen_ai.usage.input_tokens"] = usage.promptTokens
                    attributes["gen_ai.usage.output_tokens"] = usage.completionTokens
                }
                if case .failure(let error) = result { attributes["error.type"] = error.kind.rawValue }
            }
            if case .failure = result { span.setStatus(SpanStatus(code: .error)) }
            return result
        }
    }
}

extension Result<EngineAnswer, EngineError> {
    /// What the engine counted, of an answer that broke off too.
    var usage: TokenUsage? {
        switch self {
        case .success(let answer): answer.usage
        case .failure(let error): error.partial?.usage
        }
    }
}

extension TaskOutcome {
    /// The status that it moves the task to.
    var word: String {
        switch self {
        case .completed: TaskStatus.completed.rawValue
        case .failed: TaskStatus.failed.rawValue
        case .retrying: TaskStatus.retrying.rawValue
        }
    }
}
