import Domain
import Foundation
import HTTPTypes
import NIOURLSession
import Operations
import Postgres
import TestSupport

/// A system that is given secrets, and made to do all that it can do with them, right and wrong.
struct SecretsRun {
    let system: DevSystem

    private static let password = "correct-horse-battery-9a7"
    private static let nextPassword = "better-horse-battery-9a8"

    /// An account that registers by invitation, logs in, and makes a key; engines that need a secret.
    func makeSecrets() async throws -> [String: String] {
        let invitation = try await command("account invite --email ada@example.org")
        var body: JSONObject = ["email": "ada@example.org", "password": .string(Self.password), "invitation": .string(invitation)]
        for expected in [201, 201, 409] {
            // Once more under its key, and then as somebody else's.
            if expected == 409 { body["full_name"] = "Eve" }
            try await send(.post, "/v1/accounts", .object(body), headers: [.idempotency: "register"], expecting: expected)
        }
        let login: JSONValue = ["email": "ada@example.org", "password": .string(Self.password)]
        let session = try await send(.post, "/v1/sessions", login, headers: [.idempotency: "login"], expecting: 201)
        let again = try await send(.post, "/v1/sessions", login, headers: [.idempotency: "login"], expecting: 201)
        let token = try text(session, "token")
        let change: JSONValue = ["password": .string(Self.nextPassword), "current_password": .string(Self.password)]
        try await send(.patch, "/v1/account", change, key: token, expecting: 200)
        let made = try await send(.post, "/v1/api-keys", [:], key: token, headers: [.idempotency: "key"], expecting: 201)
        try await send(.post, "/v1/api-keys", [:], key: token, headers: [.idempotency: "key"], expecting: 409)
        let revoked = try await send(.post, "/v1/api-keys", [:], key: token, expecting: 201)
        try await send(.delete, "/v1/api-keys/\(try text(revoked, "key_id"))", nil, key: token, expecting: 204)
        let engine = try DevSystem.variables(system.folder)["CHORUS_ENGINE_URL"] ?? ""
        let yaml = """
            engines:
              - {name: good, engine_type: openai, base_url: "\(engine)/v1", model: simulated, secret: "env:TEST_ENGINE_SECRET"}
              - {name: missing, engine_type: openai, base_url: "\(engine)/v0", model: simulated, secret: "env:TEST_ENGINE_SECRET"}
              - {name: gone, engine_type: gemini, base_url: "http://127.0.0.1:1/v1", model: simulated, secret: "env:TEST_ENGINE_SECRET"}
            """
        try yaml.write(toFile: "\(system.folder)/engines.yaml", atomically: true, encoding: .utf8)
        _ = try await command("engines apply '\(system.folder)/engines.yaml'")
        return [
            "password": Self.password, "next password": Self.nextPassword, "invitation": invitation, "token": token,
            "token's signature": String(token.split(separator: ".")[2]), "repeated token": try text(again, "token"),
            "API key": try text(made, "api_key"), "revoked API key": try text(revoked, "api_key"),
            "dev's API key": try DevSystem.variables(system.folder)["CHORUS_API_KEY"] ?? "",
        ]
    }

    /// A project with a webhook that nobody takes; gives the webhook's secret too.
    func makeProject(_ key: String) async throws -> (id: String, secret: String) {
        let body: JSONValue = [
            "project_name": "Secrets",
            "settings": [
                "engines": ["good"], "webhooks": [["url": "http://127.0.0.1:1/hook", "events": ["task.completed", "task.failed"]]],
            ],
        ]
        let id = try text(try await send(.post, "/v1/projects", body, key: key, expecting: 201), "project_id")
        let webhooks = try await send(.get, "/v1/projects/\(id)/webhooks", nil, key: key, expecting: 200)
        return (id, try text(webhooks["data"]?[0] ?? .null, "secret"))
    }

    /// Runs tasks that end well and badly, then asks every operation of the API, with every credential, for what it cannot do. Gives the
    /// answers that were errors.
    func work(_ project: String, _ secrets: [String: String]) async throws -> [String: String] {
        let key = secrets["API key"] ?? ""
        let tasks: JSONValue = .array(
            ["good", "missing", "gone"].map { engine in
                ["task_type": "chat", "max_retries": 0, "input_data": ["prompt": "hi", "engine": .string(engine)]]
            })
        try await send(.post, "/v1/projects/\(project)/tasks", tasks, key: key, expecting: 201)
        try await eventually("one task is done, one has failed, and the webhook was called", within: .seconds(30)) {
            let done = try await system.count("SELECT count(*) FROM tasks WHERE status = 'completed'")
            let failed = try await system.count("SELECT count(*) FROM tasks WHERE status = 'failed'")
            let called = try await system.count("SELECT count(*) FROM webhook_deliveries WHERE attempts > 0")
            return done == 1 && failed >= 1 && called >= 1
        }
        var answers: [String: String] = [:]
        let document = try await send(.get, "/openapi.json", nil, expecting: 200)
        for (path, operations) in (document["paths"]?.objectValue?.members ?? []).map({ ($0.key, $0.value) }) {
            for method in operations.objectValue?.keys ?? [] {
                guard let method = HTTPRequest.Method(method.uppercased()), [.get, .post, .put, .patch, .delete].contains(method) else {
                    continue
                }
                for (name, secret) in secrets.merging(["nothing": ""], uniquingKeysWith: { $1 }) {
                    // The session, the key and the project are still needed; streams have no end.
                    guard method != .delete, !path.hasSuffix("/cancel"), !path.hasSuffix("/archive"), !path.hasSuffix("/events") else {
                        continue
                    }
                    let filled = path.replacing("{project_id}", with: project)
                        .replacing(/\{[a-z_]+\}/, with: "00000000-0000-7000-8000-000000000000")
                    for body in Self.bodies(secrets) {
                        let (status, answer) = try await request(method, filled, method == .get ? nil : body, key: secret)
                        if status >= 400 { answers["\(method) \(path) with the \(name): \(body.prefix(20))", default: ""] += answer }
                        if method == .get { break }
                    }
                }
            }
        }
        return answers
    }

    /// What is no JSON, what lacks everything, and secrets where they are not expected.
    private static func bodies(_ secrets: [String: String]) -> [String] {
        let values = JSONValue.object(
            [
                "email": .string(secrets["API key"] ?? ""), "password": .string(secrets["password"] ?? ""),
                "metadata": .string(secrets["token"] ?? ""),
            ])
        return ["{\"password\": \"\(password)", "{}", values.text]
    }

    // MARK: What it wrote

    func page(_ path: String) async throws -> String { try await request(.get, path, nil, key: "").1 }

    /// Every table, as SQL.
    func dump() async throws -> String {
        let output = "\(try await TestFolder.fresh("dump"))/output"
        let url = try DevSystem.variables(system.folder)["CHORUS_DATABASE_URL"] ?? ""
        try await ChildProcess.run(
            ProcessCommand(
                executable: try ServerProgram.postgres("pg_dump"), arguments: ["--inserts", "--dbname", url],
                environment: ["PATH": "/usr/bin:/bin"], logPath: output),
            within: .seconds(60))
        return try String(contentsOfFile: output, encoding: .utf8)
    }

    /// Of every process: ours, and the servers.
    func logs() throws -> [String: String] {
        guard let files = FileManager.default.enumerator(atPath: system.folder) else { return [:] }
        var logs: [String: String] = [:]
        for case let path as String in files where path.hasSuffix(".log") {
            let data = FileManager.default.contents(atPath: "\(system.folder)/\(path)") ?? Data()
            logs[path] = String(decoding: data, as: UTF8.self)
        }
        return logs
    }

    // MARK: Asking

    @discardableResult
    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue?, key: String = "", headers: HTTPFields = [:], expecting status: Int
    ) async throws -> JSONValue {
        let (found, answer) = try await request(method, path, body?.text, key: key, headers: headers)
        let json = answer.isEmpty ? .null : try JSONValue(parsing: Array(answer.utf8), limits: JSONLimits(depth: 512))
        guard found == status else { throw DevSystem.Unexpected(status: found, answer: json) }
        return json
    }

    private func request(
        _ method: HTTPRequest.Method, _ path: String, _ body: String?, key: String, headers: HTTPFields = [:]
    ) async throws -> (Int, String) {
        let authority = (try DevSystem.variables(system.folder)["CHORUS_URL"] ?? "").replacing("http://", with: "")
        var request = HTTPRequest(method: method, scheme: "http", authority: authority, path: path, headerFields: headers)
        if !key.isEmpty { request.headerFields[.authorization] = "Bearer \(key)" }
        if body != nil { request.headerFields[.contentType] = "application/json" }
        let (bytes, response) = try await system.session.upload(for: request, from: Array((body ?? "").utf8))
        return (response.status.code, String(decoding: bytes, as: UTF8.self))
    }

    /// What a command of an operator prints.
    private func command(_ line: String) async throws -> String {
        let output = "\(try await TestFolder.fresh("command"))/output"
        let url = try DevSystem.variables(system.folder)["CHORUS_DATABASE_URL"] ?? ""
        try await ChildProcess.run(
            ProcessCommand(
                executable: "/bin/sh", arguments: ["-c", "exec '\(try DevSystem.executable)' \(line)"],
                environment: ["PATH": "/usr/bin:/bin", "CHORUS_DATABASE_URL": url], logPath: output),
            within: .seconds(30))
        return try String(contentsOfFile: output, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func text(_ json: JSONValue, _ key: String) throws -> String {
        guard let text = json[key]?.stringValue else { throw DevSystem.Unexpected(status: 0, answer: json) }
        return text
    }
}

extension HTTPField.Name {
    fileprivate static let idempotency = HTTPField.Name("Idempotency-Key") ?? .trailer
}
