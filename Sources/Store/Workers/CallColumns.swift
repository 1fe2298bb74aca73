import Domain
import FoundationEssentials
import Postgres

/// Outcomes of calls turned into the columns that a statement takes, and what settles the `results` rows with them.
struct CallColumns {
    var ids: [UUID] = []
    var statuses: [String] = []
    var outputs: [JSONB] = []
    var times: [Int32] = []
    var usages: [JSONB?] = []
    var confidences: [Double?] = []
    var choices: [Bool?] = []

    init(_ calls: some Sequence<CallOutcome>) {
        for call in calls where call.wasMade {
            ids.append(call.resultID)
            statuses.append(call.status.rawValue)
            outputs.append(call.output.column)
            times.append(Int32(clamping: call.processingTime))
            usages.append(call.tokenUsage?.column)
            confidences.append(call.confidence)
            choices.append(call.isChosen)
        }
    }

    init(_ settlements: [Settlement]) { self.init(settlements.lazy.flatMap(\.calls)) }

    static let row = "AS c (result_id, status, output_data, processing_time, token_usage, confidence_score, chosen)"

    static let settling = """
        UPDATE results r
        SET status = c.status, output_data = c.output_data, processing_time = c.processing_time, token_usage = c.token_usage,
            confidence_score = c.confidence_score, chosen = c.chosen
        """

    /// The last part is for answers that were written down before one of them was chosen.
    static let isUnsettled = """
        r.result_id = c.result_id
            AND (r.status IN ('pending', 'unknown') OR r.status = 'cancelled' AND r.processing_time IS NULL
                OR r.status = 'completed' AND c.status = 'completed' AND r.chosen IS NULL AND c.chosen IS NOT NULL)
        """
}
