import Domain
import Postgres

extension ProjectRecord {
    static let columns = """
        project_id, user_id, project_name, project_description, api_key, status, priority, created_at, updated_at, deadline, metadata, settings
        """

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), userID: try columns.next(), name: try columns.next(), description: try columns.next(),
            apiKeyID: try columns.next(), status: try columns.nextCase(),
            priority: try columns.next(as: Int?.self) ?? ProjectPriority.standard,
            createdAt: try columns.next(), updatedAt: try columns.next(), deadline: try columns.next(),
            metadata: try columns.nextOptionalJSON(), settings: try columns.nextOptionalJSON())
    }
}
