import Domain

/// Who may use which route: one entry each. A route without an entry fails the test, so that nobody forgets to decide.
struct AccessMatrix {
    enum Rule: Equatable {
        /// It is about a project, or a task or result in one.
        case project(ProjectPermission)
        /// It is about an API key or a session, which is its user's alone.
        case own(KeyScope)
        /// It is about the session that asks: keys have none.
        case ownSession(KeyScope)
        /// It is for administrators of Chorus.
        case administrator
        /// It is about what the caller has or makes, and names nothing of somebody else's.
        case caller(KeyScope?)
        /// It asks for no credentials.
        case open
    }

    struct Entry {
        var rule: Rule
        var body: String?
        /// What a session sends, where that is something else.
        var bodyOfSession: String?
        /// The answer is no JSON, or has no end: only its head is looked at.
        var streams = false

        init(_ rule: Rule, _ body: String? = nil, bodyOfSession: String? = nil, streams: Bool = false) {
            self.rule = rule
            self.body = body
            self.bodyOfSession = bodyOfSession
            self.streams = streams
        }
    }

    static let task = #"{"task_type":"chat","input_data":{"prompt":"hi"}}"#

    /// `#` in a body stands for the address of an account that is no member, `%` for the id of a key of the owner, `$` for something new.
    static let entries: [String: Entry] = [
        "GET /healthz": Entry(.open),
        "GET /readyz": Entry(.open),
        "GET /metrics": Entry(.open),
        "GET /openapi.json": Entry(.open),
        "GET /docs": Entry(.open, streams: true),
        "GET /docs/reference.css": Entry(.open, streams: true),
        "GET /docs/reference.js": Entry(.open, streams: true),
        "GET /v1/engines": Entry(.caller(nil)),
        "GET /v1/workers": Entry(.caller(nil)),
        "GET /v1/overview": Entry(.administrator),

        "POST /v1/accounts": Entry(.open, ##"{"email":"$@example.org","password":"correct horse battery"}"##),
        "GET /v1/account": Entry(.caller(.accountRead)),
        "PATCH /v1/account": Entry(.caller(.accountWrite), #"{"full_name":"Somebody"}"#),
        "POST /v1/sessions": Entry(.open, ##"{"email":"#","password":"correct horse battery"}"##),
        "GET /v1/sessions": Entry(.caller(.accountRead)),
        "DELETE /v1/sessions/current": Entry(.ownSession(.accountWrite)),
        "DELETE /v1/sessions/:session_id": Entry(.own(.accountWrite)),
        "GET /v1/invitations": Entry(.administrator),
        "POST /v1/invitations": Entry(.administrator, "{}"),
        "DELETE /v1/invitations/:invitation_id": Entry(.administrator),

        "GET /v1/api-keys": Entry(.caller(.accountRead)),
        "POST /v1/api-keys": Entry(.caller(.keysWrite), #"{"permissions":{"scopes":["keys:write"]}}"#),
        "DELETE /v1/api-keys/:key_id": Entry(.own(.keysWrite)),

        "GET /v1/quotas": Entry(.caller(.accountRead)),
        "PUT /v1/accounts/:user_id/quotas/:quota_type": Entry(.administrator, #"{"monthly_limit":5}"#),
        "DELETE /v1/accounts/:user_id/quotas/:quota_type": Entry(.administrator),

        "GET /v1/projects": Entry(.caller(.projectsRead)),
        "POST /v1/projects": Entry(
            .caller(.projectsWrite), #"{"project_name":"Another"}"#, bodyOfSession: #"{"project_name":"A session's","api_key":"%"}"#),
        "GET /v1/projects/:project_id": Entry(.project(.read)),
        "GET /v1/projects/:project_id/stats": Entry(.project(.read)),
        "PATCH /v1/projects/:project_id": Entry(.project(.changeProject), #"{"priority":2}"#),
        "POST /v1/projects/:project_id/pause": Entry(.project(.moveProject), "{}"),
        "POST /v1/projects/:project_id/resume": Entry(.project(.moveProject), "{}"),
        "POST /v1/projects/:project_id/cancel": Entry(.project(.moveProject), "{}"),
        "POST /v1/projects/:project_id/archive": Entry(.project(.moveProject), "{}"),
        "GET /v1/projects/:project_id/activity": Entry(.project(.readActivity)),
        "GET /v1/projects/:project_id/members": Entry(.project(.read)),
        "PUT /v1/projects/:project_id/members": Entry(.project(.manageMembers), ##"{"email":"#","role":"viewer"}"##),
        "GET /v1/projects/:project_id/members/:user_id": Entry(.project(.read)),
        "PUT /v1/projects/:project_id/members/:user_id": Entry(.project(.manageMembers), #"{"role":"editor"}"#),
        "DELETE /v1/projects/:project_id/members/:user_id": Entry(.project(.manageMembers)),
        "GET /v1/projects/:project_id/tasks": Entry(.project(.readTasks)),
        "POST /v1/projects/:project_id/tasks": Entry(.project(.submitTasks), task),

        "GET /v1/projects/:project_id/events": Entry(.project(.readTasks), streams: true),
        "GET /v1/projects/:project_id/webhooks": Entry(.project(.manageWebhooks)),
        "GET /v1/projects/:project_id/webhooks/deliveries": Entry(.project(.manageWebhooks)),
        "POST /v1/projects/:project_id/webhooks/deliveries/:delivery_id/redeliver": Entry(.project(.manageWebhooks)),
        "GET /v1/tasks/:task_id/events": Entry(.project(.readTasks), streams: true),

        "GET /v1/tasks/:task_id": Entry(.project(.readTasks)),
        "GET /v1/tasks/:task_id/history": Entry(.project(.readTasks)),
        "GET /v1/tasks/:task_id/results": Entry(.project(.readTasks)),
        "GET /v1/tasks/:task_id/children": Entry(.project(.readTasks)),
        "GET /v1/tasks/:task_id/why": Entry(.project(.readTasks)),
        "POST /v1/tasks/:task_id/cancel": Entry(.project(.moveTasks), "{}"),
        "POST /v1/tasks/:task_id/pause": Entry(.project(.moveTasks), "{}"),
        "POST /v1/tasks/:task_id/resume": Entry(.project(.moveTasks), "{}"),
        "POST /v1/tasks/:task_id/retry": Entry(.project(.moveTasks), "{}"),
        "GET /v1/results/:result_id/feedback": Entry(.project(.readTasks)),
        "POST /v1/results/:result_id/feedback": Entry(.project(.giveFeedback), #"{"rating":5}"#),
        "PATCH /v1/tasks/:task_id": Entry(.project(.moveTasks), #"{"priority":2}"#),
    ]
}
