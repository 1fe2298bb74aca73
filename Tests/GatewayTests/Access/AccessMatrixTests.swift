import Domain
import Foundation
import HTTPTypes
import Testing

@testable import Gateway

/// Every route × everybody who may come: the table in `Domain` is what the gateway does.
@Suite(.timeLimit(.minutes(3))) struct AccessMatrixTests {
    private static let unknown = "00000000-0000-7000-8000-000000000000"

    @Test func everyRouteIsDecided() async throws {
        try await GatewayFixture.with { fixture in
            let routes = Set(fixture.routes)
            #expect(routes.subtracting(AccessMatrix.entries.keys).sorted() == [], "routes without an entry in AccessMatrix")
            #expect(Set(AccessMatrix.entries.keys).subtracting(routes).sorted() == [], "entries without a route")
            for (route, entry) in AccessMatrix.entries where route.contains("_id") {
                let isNamed = if case .caller = entry.rule { false } else { entry.rule != .open }
                #expect(isNamed, "\(route) names something, so it must say whose")
            }
        }
    }

    @Test func everybodyMayWhatTheTableSays() async throws {
        try await GatewayFixture.with { gateway in
            let fixture = try await AccessFixture(gateway)
            for (route, entry) in AccessMatrix.entries.sorted(by: { $0.key < $1.key }) {
                let parts = route.split(separator: " ").map(String.init)
                let method = try #require(HTTPRequest.Method(rawValue: parts[0]))
                for actor in AccessFixture.Actor.allCases {
                    try await check(actor, method, parts[1], entry, fixture)
                }
            }
        }
    }

    private func check(
        _ actor: AccessFixture.Actor, _ method: HTTPRequest.Method, _ route: String, _ entry: AccessMatrix.Entry, _ fixture: AccessFixture
    ) async throws {
        let place: Comment = "\(actor.rawValue): \(method.rawValue) \(route)"
        let path = Self.path(route, fixture, thing: try await fixture.newThing(for: route))
        try await fixture.restore()
        var secret = fixture.secret(actor)
        if actor == .withoutScope {
            guard let scope = entry.scope else { return }
            secret = try await fixture.keyWithout(scope)
        }
        // It ends with the request.
        if actor == .session, case .ownSession = entry.rule { secret = try await fixture.gateway.logIn() }
        let (status, body) = try await fixture.send(method, path, entry, key: secret)
        switch entry.rule {
        case .open:
            #expect((200..<300).contains(status), "\(place): \(status) \(body)")
        case _ where !actor.isKnown:
            #expect(status == 401, place)
        case .caller:
            // A key for some projects makes none, and no key for others.
            let isNarrow = actor == .withoutScope || actor == .elsewhere && method == .post
            #expect(isNarrow ? status == 403 : (200..<300).contains(status), "\(place): \(status) \(body)")
        case .own:
            switch actor {
            case .owner, .elsewhere, .session: #expect(status == 204, place)
            case .withoutScope: #expect(status == 403, place)
            default: #expect(status == 404, place)
            }
        case .ownSession:
            #expect(status == (actor == .session ? 204 : actor == .withoutScope ? 403 : 404), place)
        case .administrator:
            #expect(actor == .administrator ? (200..<300).contains(status) : status == 403, "\(place): \(status) \(body)")
        case .project(let permission):
            switch actor {
            case .withoutScope:
                #expect(status == 403, place)
                #expect(body["detail"]?.stringValue?.contains(permission.scope.rawValue) != false, place)
            case .owner, .admin, .editor, .viewer, .session:
                let isAllowed = try #require(actor.role).allows(permission)
                // What the state of the thing forbids is another matter.
                #expect(isAllowed ? (200..<300).contains(status) || status == 409 : status == 403, "\(place): \(status) \(body)")
            default:
                #expect(status == 404, place)
            }
        }
        guard status == 404, !entry.streams else { return }
        // Who sees nothing cannot tell what is there.
        let nobodys = try await fixture.send(method, Self.path(route, nil, thing: Self.unknown), entry, key: secret)
        #expect(nobodys.0 == 404 && nobodys.1 == body, place)
    }

    private static func path(_ route: String, _ fixture: AccessFixture?, thing: String) -> String {
        route.replacing(":project_id", with: fixture?.projectID.text ?? unknown)
            .replacing(":task_id", with: fixture?.taskID.text ?? unknown)
            .replacing(":result_id", with: fixture?.resultID.text ?? unknown)
            .replacing(":user_id", with: fixture?.memberID.text ?? unknown)
            .replacing(":delivery_id", with: fixture?.deliveryID.text ?? unknown)
            .replacing(":key_id", with: thing).replacing(":session_id", with: thing).replacing(":invitation_id", with: thing)
            .replacing(":quota_type", with: "tasks")
    }
}

extension AccessMatrix.Entry {
    /// The scope that a narrowed key needs.
    var scope: KeyScope? {
        switch rule {
        case .project(let permission): permission.scope
        case .own(let scope), .ownSession(let scope): scope
        case .caller(let scope): scope
        case .administrator: .adminWrite
        case .open: nil
        }
    }
}
