import Domain
import Foundation
import HTTPTypes
import Operations
import TestSupport
import Testing

/// Secrets stay where they belong: a whole system works with known ones, well and badly, and none of them is found in what it wrote.
@Suite(.timeLimit(.minutes(4))) struct SecretsTests {
    @Test func nothingIsFoundInClear() async throws {
        let engineSecret = "sk-engine-4f0c8a1e5b"
        let variables = [
            "TEST_ENGINE_SECRET": engineSecret, "CHORUS_LOG_LEVEL": "trace", "CHORUS_HTTP_ACCESS_LOG": "on",
            "CHORUS_ACCOUNTS_LOGINS_PER_MINUTE": "0", "CHORUS_HTTP_REFUSALS_PER_MINUTE": "0",
        ]
        try await DevSystem.with(["--workers", "1"], variables: variables) { system in
            let run = SecretsRun(system: system)
            var secrets = try await run.makeSecrets()
            secrets["engine secret"] = engineSecret
            for (name, variable) in [("database password", "CHORUS_DATABASE_URL"), ("AMQP password", "CHORUS_AMQP_URL")] {
                let url = try DevSystem.variables(system.folder)[variable].flatMap { URLComponents(string: $0) }
                secrets[name] = try #require(url?.password, "\(variable) has a password")
            }
            let project = try await run.makeProject(secrets["API key"] ?? "")
            secrets["webhook's secret"] = project.secret
            let signingKey: String = try #require(try DevSystem.variables(system.folder)["CHORUS_WEBHOOKS_SIGNING_KEY"])
            secrets["webhooks' signing key"] = signingKey
            var texts = try await run.work(project.id, secrets)
            let answers = try await run.handIn(project.id, secrets)
            #expect(answers.contains { $0.value.contains("task_id") } && answers.contains { $0.value.contains("x-reason") })
            texts.merge(answers) { $1 }
            texts["/metrics"] = try await run.page("/metrics")
            texts["pg_dump"] = try await run.dump()
            for (path, text) in try run.logs() { texts[path] = text }
            #expect(texts.count > 10)
            // What is looked at is really there.
            #expect(texts["pg_dump"]?.contains("ada@example.org") == true && texts["pg_dump"]?.contains("$scrypt$") == true)
            #expect(texts.contains { $0.key.hasSuffix("gateway.log") && $0.value.contains("/v1/sessions") })
            #expect(texts.contains { $0.key.hasSuffix("worker-1.log") && !$0.value.isEmpty }, "\(texts.keys.sorted())")
            for (name, secret) in secrets {
                let encoded = Data(secret.utf8).base64EncodedString().prefix { $0 != "=" }
                for (place, text) in texts {
                    #expect(!text.contains(secret), "the \(name) stands in \(place)")
                    #expect(!text.contains(encoded), "the \(name) stands in \(place) as Base64")
                }
            }
        }
    }
}
