import Crypto
import Domain
import Foundation
import HTTPTypes
import Postgres
import Store
import TestSupport
import Testing

@testable import Gateway

/// Events that are posted to real receivers: signed, tried again, given up, and nowhere that they may not go.
@Suite(.timeLimit(.minutes(3))) struct WebhookTests {
    private static let serverKey = "0123456789abcdef0123456789abcdef"

    private static func configure(_ configuration: inout GatewayConfiguration) {
        configuration.webhooks = Webhooks(
            signing: WebhookSigning(key: serverKey),
            targets: WebhookTargets(allowed: ["127.0.0.1"]) ?? WebhookTargets())
    }

    private func makeProject(
        _ fixture: GatewayFixture, _ url: String, events: String = #""task.completed","task.failed""#
    ) async throws -> String {
        let answer = try await fixture.send(
            .post, "/v1/projects",
            #"{"project_name":"Hooked","settings":{"webhooks":[{"url":"\#(url)","events":[\#(events)]}]}}"#
        )
        #expect(answer.status == 201, "\(answer.json)")
        return try #require(answer.json["project_id"]?.stringValue)
    }

    private func complete(_ project: String, _ fixture: GatewayFixture) async throws -> String {
        let made = try await fixture.send(.post, "/v1/projects/\(project)/tasks", AccessMatrix.task)
        let id = try #require(made.json["task_id"]?.stringValue)
        for status in ["in_queue", "processing", "completed"] {
            _ = try await fixture.database.execute(
                """
                UPDATE tasks SET status = \(status), output_data = '{"text": "yes"}' WHERE task_id = \(try #require(UUID(uuidString: id)))
                """)
        }
        return id
    }

    private func deliveries(_ project: String, _ fixture: GatewayFixture, _ query: String = "")
        async throws -> [JSONValue]
    {
        try await fixture.send(.get, "/v1/projects/\(project)/webhooks/deliveries\(query)").json[
            "data"]?.arrayValue ?? []
    }

    private func secret(_ project: String, _ fixture: GatewayFixture) async throws -> String {
        let list = try await fixture.send(.get, "/v1/projects/\(project)/webhooks")
        return try #require(list.json["data"]?[0]?["secret"]?.stringValue)
    }

    /// As a receiver checks it, by the specification's words.
    private static func isSigned(_ post: WebhookReceiver.Post, by secret: String) throws -> Bool {
        let key = try #require(Data(base64Encoded: String(secret.dropFirst("whsec_".count))))
        let signed = "\(post.field("webhook-id")).\(post.field("webhook-timestamp")).\(post.body)"
        let code = Data(
            HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: key)))
        return post.field("webhook-signature").split(separator: " ").contains {
            $0 == "v1,\(code.base64EncodedString())"
        }
    }

    @Test func eventsArePostedAndSigned() async throws {
        try await WebhookReceiver.with { receiver, port in
            try await GatewayFixture.with(configure: Self.configure) { fixture in
                let project = try await makeProject(fixture, "http://127.0.0.1:\(port)/hook?a=b")
                let id = try await complete(project, fixture)
                try await eventually("it is posted") { receiver.posts.count == 1 }
                let post = try #require(receiver.posts.first)
                #expect(post.path == "/hook?a=b")
                #expect(post.fields[.contentType] == "application/json")
                #expect(post.json["event"]?.stringValue == "task.completed")
                #expect(post.json["task_id"]?.stringValue == id)
                #expect(post.json["output_data"]?["text"]?.stringValue == "yes")
                let age = Date().timeIntervalSince1970 - (Double(post.field("webhook-timestamp")) ?? 0)
                #expect((-5...60).contains(age))
                let secret = try await secret(project, fixture)
                #expect(try Self.isSigned(post, by: secret))
                #expect(
                    try !Self.isSigned(
                        post, by: "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()))
                try await eventually("the log says so") {
                    try await deliveries(project, fixture).map { $0["status"]?.stringValue } == ["delivered"]
                }
                let delivery = try #require(try await deliveries(project, fixture).first)
                #expect(delivery["delivery_id"]?.stringValue == post.field("webhook-id"))
                #expect(delivery["response_status"]?.intValue == 204 && delivery["attempts"]?.intValue == 1)
                // The project's own settings never hold the secret, nor does any table.
                let shown = try await fixture.send(.get, "/v1/projects/\(project)")
                #expect(!shown.json.text.contains(secret))
            }
        }
    }

    @Test func anotherSecretIsAnnouncedByBothSignatures() async throws {
        try await WebhookReceiver.with { receiver, port in
            try await GatewayFixture.with(configure: Self.configure) { fixture in
                let url = "http://127.0.0.1:\(port)/hook"
                let project = try await makeProject(fixture, url)
                let first = try await secret(project, fixture)
                let changed = try await fixture.send(
                    .patch, "/v1/projects/\(project)",
                    #"{"settings":{"webhooks":[{"url":"\#(url)","events":["task.completed"],"secret_version":2}]}}"#
                )
                #expect(changed.status == 200)
                let second = try await secret(project, fixture)
                #expect(first != second)
                _ = try await complete(project, fixture)
                try await eventually("it is posted") { receiver.posts.count == 1 }
                let post = try #require(receiver.posts.first)
                #expect(try Self.isSigned(post, by: first) && Self.isSigned(post, by: second))
            }
        }
    }

    @Test func whatIsRefusedIsTriedAgainUnderItsID() async throws {
        try await WebhookReceiver.with { receiver, port in
            receiver.answer { $0 == 0 ? (503, [.retryAfter: "60"]) : (200, [:]) }
            try await GatewayFixture.with(configure: Self.configure) { fixture in
                let project = try await makeProject(fixture, "http://127.0.0.1:\(port)/hook")
                _ = try await complete(project, fixture)
                try await eventually("the first try is in the log") {
                    try await deliveries(project, fixture, "?status=pending").first?["response_status"]?
                        .intValue == 503
                }
                let waiting = try #require(try await deliveries(project, fixture).first)
                #expect(
                    waiting["attempts"]?.intValue == 1 && waiting["next_attempt_at"]?.stringValue != nil)
                _ = try await fixture.database.execute(
                    "UPDATE webhook_deliveries SET next_attempt_at = now()")
                try await eventually("the second is taken") {
                    try await deliveries(project, fixture).first?["status"]?.stringValue == "delivered"
                }
                #expect(
                    receiver.posts.map { $0.field("webhook-id") }
                        == Array(repeating: waiting["delivery_id"]?.stringValue, count: 2))
            }
        }
    }

    @Test func whatIsRefusedForADayIsGivenUpAndMayBeSentAgain() async throws {
        try await WebhookReceiver.with { receiver, port in
            receiver.answer { ($0 == 0 ? 302 : 500, [.location: "http://127.0.0.1:1/", .retryAfter: "60"]) }
            try await GatewayFixture.with(configure: Self.configure) { fixture in
                let project = try await makeProject(fixture, "http://127.0.0.1:\(port)/hook")
                _ = try await complete(project, fixture)
                try await eventually("a redirect is not followed") {
                    try await deliveries(project, fixture).first?["response_status"]?.intValue == 302
                }
                _ = try await fixture.database.execute(
                    "UPDATE webhook_deliveries SET next_attempt_at = now(), expires_at = now()")
                try await eventually("it is given up") {
                    try await deliveries(project, fixture, "?status=failed").first?["response_status"]?
                        .intValue == 500
                }
                receiver.answer(200)
                let id = try #require(
                    try await deliveries(project, fixture).first?["delivery_id"]?.stringValue)
                let path = "/v1/projects/\(project)/webhooks/deliveries/\(id)/redeliver"
                #expect(try await fixture.send(.post, path, "{}").status == 200)
                try await eventually("it is taken") {
                    try await deliveries(project, fixture).first?["status"]?.stringValue == "delivered"
                }
                #expect(receiver.posts.count == 3)
                let missing = path.replacing(id, with: "00000000-0000-7000-8000-000000000000")
                #expect(try await fixture.send(.post, missing, "{}").status == 404)
            }
        }
    }

    @Test func aClaimOfADeadGatewayComesBack() async throws {
        try await WebhookReceiver.with { receiver, port in
            try await GatewayFixture.with { fixture in
                _ = try await fixture.database.execute("SELECT 1")
                // This gateway posts nothing: it has no key. Its database does as if another one had died with a claim.
                let project = try #require(UUID(uuidString: try await fixture.makeProject()))
                _ = try await fixture.database.execute(
                    """
                    UPDATE projects SET settings = jsonb_build_object('webhooks', jsonb_build_array(jsonb_build_object(
                        'url', \("http://127.0.0.1:\(port)/hook")::text, 'events', jsonb_build_array('task.completed'))))
                    WHERE project_id = \(project)
                    """)
                let added = NewWebhookDelivery(
                    projectID: project, url: "http://127.0.0.1:\(port)/", seq: 1, event: .task(.completed),
                    taskID: nil, body: "{}")
                let position = try #require(try await fixture.store.webhookPosition())
                let isAdded = try await fixture.store.addDeliveries(
                    [added], from: position, to: position + 1)
                let isAddedTwice = try await fixture.store.addDeliveries(
                    [added], from: position, to: position + 1)
                #expect(isAdded && !isAddedTwice)
                let dead = try await fixture.store.claimDeliveries(
                    limit: 5, lease: .seconds(3), busy: [])
                #expect(dead.count == 1)
                let second = try await fixture.store.claimDeliveries(
                    limit: 5, lease: .seconds(60), busy: [])
                #expect(second.isEmpty)
                try await eventually("it is anybody's", within: .seconds(20)) {
                    let claimed = try await fixture.store.claimDeliveries(
                        limit: 5, lease: .seconds(60), busy: [])
                    return claimed.first?.attempts == 2
                }
                // The dead one's word counts no more.
                let outcome = DeliveryOutcome(
                    isDelivered: true, responseStatus: 200, error: nil, retryAfter: nil)
                let isSettled = try await fixture.store.settle(dead[0], outcome)
                #expect(!isSettled)
                #expect(receiver.posts.isEmpty)
            }
        }
    }

    @Test func webhooksNeedAKeyAndAPublicAddress() async throws {
        let body =
            #"{"project_name":"Hooked","settings":{"webhooks":[{"url":"http://127.0.0.1:1/","events":["task.completed"]}]}}"#
        try await GatewayFixture.with { fixture in
            let answer = try await fixture.send(.post, "/v1/projects", body)
            #expect(answer.status == 422 && answer.pointers == ["/settings/webhooks"])
        }
        try await GatewayFixture.with(configure: {
            $0.webhooks = Webhooks(signing: WebhookSigning(key: Self.serverKey))
        }) { fixture in
            let answer = try await fixture.send(.post, "/v1/projects", body)
            #expect(answer.status == 422 && answer.pointers == ["/settings/webhooks/0/url"])
            // A name is looked at when it is called.
            let project = try await makeProject(fixture, "http://localhost:1/")
            _ = try await complete(project, fixture)
            try await eventually("it is not posted there") {
                try await deliveries(project, fixture).first?["error"]?.stringValue?.contains(
                    "leads to no address") == true
            }
        }
    }

    @Test(arguments: [
        "127.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "255.255.255.255", "224.0.0.1",
        "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1",
        "2001:db8::1", "::127.0.0.1",
    ]) func privateAddressesAreNoTargets(address: String) {
        #expect(!WebhookTargets().allows(address))
    }

    @Test func publicAddressesAndAllowedOnesAre() throws {
        for address in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            #expect(WebhookTargets().allows(address), "\(address)")
        }
        let targets = try #require(WebhookTargets(allowed: ["10.20.0.0/16", "::1"]))
        #expect(targets.allows("10.20.3.4") && targets.allows("::1"))
        #expect(!targets.allows("10.21.3.4") && !targets.allows("127.0.0.1"))
        #expect(WebhookTargets(allowed: ["example.org"]) == nil)
    }
}
