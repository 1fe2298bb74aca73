import Domain
import Postgres

/// The database went away while it stored tasks, and nobody knows whether it did.
///
/// It has an answer of its own: a caller who took it for a refusal, and handed the tasks in again, might have them done twice.
struct AcceptanceInDoubt: Error {
    let cause: PostgresError

    var problem: Problem {
        Problem(
            status: 504, title: "Gateway timeout",
            detail: """
                The database went away while it stored the tasks: they may be there. Look for them before you hand them in again; a request \
                with an Idempotency-Key may be sent again as it is.
                """)
    }
}
