import Domain
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct TemplateTests {
    private static let context: JSONValue = [
        "name": "A<b>", "zero": 0, "yes": true, "no": false, "empty": "", "none": nil, "object": ["inner": "i", "name": "N"],
        "list": [["n": 1], ["n": 2]], "nothing": [],
    ]

    private static func render(_ text: String, _ context: JSONValue = context) throws -> String {
        var renderer = TemplateRenderer(context: context)
        return try renderer.render(try Template(text))
    }

    @Test(arguments: [
        ("plain { } }} text", "plain { } }} text"), ("{{name}} {{{name}}} {{& name }} {{ name }}", "A<b> A<b> A<b> A<b>"),
        ("{{missing}}{{none}}{{object}}{{list}}|", "|"), ("{{object.inner}}{{object.missing}}{{name.x}}", "i"),
        ("{{#object}}{{inner}}{{name}}{{zero}}{{/object}}", "iN0"), ("{{#list}}{{n}}{{name}},{{/list}}", "1A<b>,2A<b>,"),
        ("{{#yes}}y{{/yes}}{{#no}}n{{/no}}{{^no}}N{{/no}}", "yN"),
        ("{{#zero}}0{{/zero}}{{#empty}}e{{/empty}}{{#none}}x{{/none}}{{#nothing}}x{{/nothing}}{{^nothing}}nil{{/nothing}}", "nil"),
        ("{{#name}}[{{.}}]{{/name}}", "[A<b>]"), ("a{{! anything {{ at all }}b", "ab"), ("é{{name}}\u{301}", "éA<b>\u{301}"),
        ("{{#list}}\n- {{n}}\n{{/list}}\nend", "- 1\n- 2\nend"), ("  {{#yes}}  \r\nx\r\n  {{/yes}}\r\n", "x\r\n"),
        ("a {{#yes}}\nb{{/yes}}", "a \nb"), ("{{! alone }}\nx", "x"), ("{{#yes}}{{#yes}}x{{/yes}}{{/yes}}", "x"), ("", ""),
    ])
    func renders(text: String, result: String) throws {
        #expect(try Self.render(text) == result)
    }

    @Test(arguments: [
        ("{{", 1), ("{{name", 1), ("a\n{{#a}}", 2), ("{{/a}}", 1), ("{{#a}}\n{{#b}}\n{{/a}}{{/b}}", 3), ("{{}}", 1), ("{{a b}}", 1),
        ("{{a..b}}", 1), ("{{.a}}", 1), ("{{>a}}", 1), ("{{<a}}{{/a}}", 1), ("{{$a}}{{/a}}", 1), ("{{=<% %>=}}", 1), ("{{%a:b}}", 1),
        ("{{plusone(n)}}", 1), ("{{#\u{301}}}", 1), ("{{{a}}", 1), ("\n\n{{é}}", 3),
    ])
    func refuses(text: String, line: Int) {
        #expect { try Template(text) } throws: { error in
            guard case TemplateError.syntax(line, _)? = error as? TemplateError else { return false }
            return true
        }
    }

    @Test func nestingAndTagsAreBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "{{#yes}}", count: depth) + "x" + String(repeating: "{{/yes}}", count: depth)
        }
        #expect(try Self.render(nested(TemplateLimits.nesting)) == "x")
        #expect(throws: TemplateError.self) { try Template(nested(TemplateLimits.nesting + 1)) }
        #expect(throws: TemplateError.self) { try Template(nested(100_000)) }
        #expect(try Template(String(repeating: "{{a}}", count: TemplateLimits.tags)).tagCount == TemplateLimits.tags)
        #expect(throws: TemplateError.tooManyTags) { try Template(String(repeating: "{{a}}", count: TemplateLimits.tags + 1)) }
    }

    private static func child(_ number: Int, text: String, status: TaskStatus = .completed, metadata: JSONValue? = nil) -> ChildOutcome {
        ChildOutcome(
            id: .v7(), type: "chat", executionOrder: 0, status: status, errorMessage: status == .failed ? "why" : nil,
            output: status == .completed ? ["text": .string(text), "engine": "local"] : nil, metadata: metadata)
    }

    @Test func showsChildren() throws {
        let group = ChildOutcome(
            id: .v7(), type: "group", executionOrder: 2, status: .completed, errorMessage: nil,
            output: ["children": ["completed": 3, "failed": 1, "cancelled": 0]], metadata: nil)
        let children = [
            Self.child(1, text: "one", metadata: ["name": "A", "deep": ["x": 1], "n": 7]), Self.child(2, text: "", status: .failed), group,
        ]
        let text = """
            {{#children}}{{number}}:{{metadata.name}}{{metadata.n}}{{metadata.deep}}{{#completed}}{{output.text}}{{output.children.completed}}\
            {{/completed}}{{^completed}}{{error_message}}{{/completed}};{{/children}}{{completed_count}}/{{failed_count}}
            """
        #expect(try Self.render(text, children.templateContext) == "1:A7one;2:why;3:3;2/1")
        #expect(try Self.render(text, [ChildOutcome]().templateContext) == "0/0")
    }

    /// What came out of an engine is text, whatever it looks like.
    @Test func isRenderedOnce() throws {
        let children = [Self.child(1, text: "{{#children}}{{output.text}}{{/children}}{{>x}}{{{task_id}}}")]
        #expect(
            try Self.render("{{#children}}{{output.text}}{{/children}}", children.templateContext)
                == "{{#children}}{{output.text}}{{/children}}{{>x}}{{{task_id}}}")
    }

    /// Sections for the children do not multiply, under no name.
    @Test func childrenAreShadowed() throws {
        let children = (0..<1_000).map { Self.child($0, text: "x", metadata: ["children": "m"]) }.templateContext
        let inner = "{{#children}}{{#children}}deep{{/children}}{{#output}}{{#children}}deep{{/children}}{{/output}}.{{/children}}"
        #expect(try Self.render(inner, children) == String(repeating: ".", count: 1_000))
        let metadata = try Self.render("{{#children}}{{#metadata}}{{#children}}{{.}}{{/children}}{{/metadata}}{{/children}}", children)
        #expect(metadata == String(repeating: "m", count: 1_000))
    }

    /// However it is written: no more text, no more steps than there may be.
    @Test func hostileTextsAreBounded() throws {
        let big = [Self.child(1, text: String(repeating: "x", count: 1 << 20))].templateContext
        let many = (0..<1_000).map { Self.child($0, text: "") }.templateContext
        let repeated = "{{#children}}" + String(repeating: "{{output.text}}", count: 900) + "{{/children}}"
        #expect(throws: TemplateError.tooLarge) { try Self.render(repeated, big) }
        #expect(throws: TemplateError.tooLarge) { try Self.render(repeated, many) }
        let literal = "{{#children}}" + String(repeating: "y", count: 1 << 20) + "{{/children}}"
        #expect(throws: TemplateError.tooLarge) { try Self.render(literal, many) }
        let braces = String(repeating: "{ }", count: 300_000) + "{{#children}}{{number}}{{/children}}"
        #expect(try Self.render(braces, big).utf8.count == 900_001, "a text of braces is read in one go")
    }
}
