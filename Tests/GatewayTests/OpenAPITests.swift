import Domain
import HTTPTypes
import Testing

@testable import Gateway

/// The description of the API says what the routes are, and holds together.
@Suite(.timeLimit(.minutes(1))) struct OpenAPITests {
    private static let methods = ["get", "put", "post", "delete", "patch"]

    private struct Operation {
        var method: String
        var path: String
        var value: JSONValue
        var name: String { "\(method.uppercased()) \(path)" }
    }

    private static let operations: [Operation] = (OpenAPIDocument.value["paths"]?.objectValue?.members ?? []).flatMap { path in
        (path.value.objectValue?.members ?? []).filter { methods.contains($0.key) }
            .map { Operation(method: $0.key, path: path.key, value: $0.value) }
    }

    @Test func everyRouteIsDescribedAndNothingElse() async throws {
        try await GatewayFixture.with { fixture in
            let routes = fixture.routes.filter { !ReferenceRoutes.assets.contains($0.key) }.flatMap { path, methods in
                methods.map { "\($0.rawValue) \(Self.documented(path))" }
            }
            let described = Set(Self.operations.map(\.name))
            #expect(described.symmetricDifference(routes).sorted() == [])
        }
    }

    /// `/v1/projects/:project_id` as OpenAPI writes it.
    private static func documented(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0) }
            .joined(separator: "/")
    }

    @Test func everyOperationHasANameATagAndASummary() {
        let tags = Set((OpenAPIDocument.value["tags"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue })
        var names: Set<String> = []
        for operation in Self.operations {
            let name = operation.value["operationId"]?.stringValue ?? ""
            #expect(names.insert(name).inserted && !name.isEmpty, "\(operation.name): operationId")
            let tag = operation.value["tags"]?.arrayValue?.first?.stringValue
            #expect(tag.map(tags.contains) == true, "\(operation.name): tags")
            #expect(operation.value["summary"]?.stringValue?.isEmpty == false, "\(operation.name): summary")
            #expect(operation.value["responses"]?["default"] != nil, "\(operation.name): its errors")
        }
        #expect(!names.isEmpty)
    }

    @Test func everyReferenceLeadsSomewhere() {
        var references: Set<String> = []
        Self.walk(OpenAPIDocument.value) { key, value in
            if key == "$ref", let text = value.stringValue { references.insert(text) }
        }
        #expect(references.count > 20)
        for reference in references {
            let target = reference.dropFirst(2).split(separator: "/").reduce(Optional(OpenAPIDocument.value)) { $0?[String($1)] }
            #expect(reference.hasPrefix("#/") && target != nil, "\(reference)")
        }
    }

    @Test func bodiesHaveExamples() {
        for operation in Self.operations {
            let bodies = [operation.value["requestBody"]] + (operation.value["responses"]?.objectValue?.members ?? []).map(\.value)
            for body in bodies.compactMap({ $0 }) {
                guard let media = body["content"]?["application/json"], operation.path != "/openapi.json" else { continue }
                #expect(media["example"] != nil || media["examples"] != nil, "\(operation.name): an example")
            }
        }
    }

    @Test func theDescriptionAndItsPageAreServedWithoutAKey() async throws {
        try await GatewayFixture.with { fixture in
            let document = try await fixture.send(.get, "/openapi.json", key: "")
            #expect(document.status == 200)
            #expect(document.json == OpenAPIDocument.value)
            for path in ["/docs"] + ReferenceRoutes.assets {
                let (status, text) = try await fixture.text(path)
                #expect(status == 200)
                #expect(!text.contains("https://") && !text.contains("http://"), "\(path): nothing from elsewhere")
            }
        }
    }

    private static func walk(_ value: JSONValue, _ visit: (String, JSONValue) -> Void) {
        switch value {
        case .object(let object):
            for member in object.members {
                visit(member.key, member.value)
                walk(member.value, visit)
            }
        case .array(let elements): for element in elements { walk(element, visit) }
        default: break
        }
    }
}
