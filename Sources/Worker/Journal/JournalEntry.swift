import Domain
import FoundationEssentials
import Store

/// An outcome that is owed to the database: what was to be recorded, and under which claim.
struct JournalEntry: Sendable {
    var settlement: Settlement
    var workerID: UUID

    init(settlement: Settlement, workerID: UUID) {
        self.settlement = settlement
        self.workerID = workerID
    }

    /// Reads what `json` wrote; nil for anything else, such as an entry of a newer release.
    init?(json: JSONValue) {
        guard let workerID = json["worker_id"]?.stringValue.flatMap(UUID.init(text:)),
            let taskID = json["task_id"]?.stringValue.flatMap(UUID.init(text:)), let attempt = json["attempt"]?.intValue,
            let outcome = json["outcome"].flatMap(TaskOutcome.init(journal:)), let calls = json["calls"]?.arrayValue
        else { return nil }
        let outcomes = calls.compactMap(CallOutcome.init(journal:))
        guard outcomes.count == calls.count else { return nil }
        self.init(
            settlement: Settlement(taskID: taskID, attempt: attempt, outcome: outcome, calls: outcomes), workerID: workerID)
    }

    var json: JSONValue {
        [
            "worker_id": .string(workerID.text), "task_id": .string(settlement.taskID.text),
            "attempt": .number(JSONNumber(settlement.attempt)), "outcome": settlement.outcome.journal,
            "calls": .array(settlement.calls.map(\.journal)),
        ]
    }
}

extension TaskOutcome {
    fileprivate init?(journal json: JSONValue) {
        switch json["status"]?.stringValue {
        case "completed":
            guard let output = json["output_data"] else { return nil }
            self = .completed(output: output)
        case "failed":
            guard let message = json["error_message"]?.stringValue else { return nil }
            self = .failed(message: message)
        case "retrying":
            guard let message = json["error_message"]?.stringValue, let delay = json["delay_ms"]?.intValue,
                let spendsRetry = json["spends_retry"]?.boolValue
            else { return nil }
            self = .retrying(message: message, delay: .milliseconds(delay), spendsRetry: spendsRetry)
        default: return nil
        }
    }

    fileprivate var journal: JSONValue {
        switch self {
        case .completed(let output): ["status": "completed", "output_data": output]
        case .failed(let message): ["status": "failed", "error_message": .string(message)]
        case .retrying(let message, let delay, let spendsRetry):
            [
                "status": "retrying", "error_message": .string(message),
                "delay_ms": .number(JSONNumber(Int(clamping: Int64(delay / .milliseconds(1))))), "spends_retry": .bool(spendsRetry),
            ]
        }
    }
}

extension CallOutcome {
    fileprivate init?(journal json: JSONValue) {
        guard let resultID = json["result_id"]?.stringValue.flatMap(UUID.init(text:)),
            let status = json["status"]?.stringValue.flatMap(ResultStatus.init), let output = json["output_data"],
            let processingTime = json["processing_time"]?.intValue
        else { return nil }
        self.init(
            resultID: resultID, status: status, output: output, processingTime: processingTime,
            tokenUsage: json["token_usage"].flatMap { $0.isNull ? nil : $0 }, confidence: json["confidence_score"]?.doubleValue,
            isChosen: json["chosen"]?.boolValue, wasMade: json["was_made"]?.boolValue ?? true)
    }

    fileprivate var journal: JSONValue {
        var object: JSONObject = [
            "result_id": .string(resultID.text), "status": .string(status.rawValue), "output_data": output,
            "processing_time": .number(JSONNumber(processingTime)), "token_usage": tokenUsage ?? .null,
            "confidence_score": JSONValue(confidence), "chosen": isChosen.map(JSONValue.bool) ?? .null,
        ]
        if !wasMade { object["was_made"] = false }
        return .object(object)
    }
}
