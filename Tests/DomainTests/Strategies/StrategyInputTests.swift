import Domain
import Testing

/// What callers may say of strategies, in tasks and in projects.
@Suite struct StrategyInputTests {
    private static let engines = EngineNames(["a", "b", "c"])

    private static func faults(ofTask input: String) throws -> [String] {
        do throws(Problem) {
            _ = try NewTask(reading: try parsed(#"{"task_type":"chat","input_data":{"prompt":"hi",\#(input)}}"#), knownEngines: engines)
            return []
        } catch {
            return error.errors.map(\.pointer)
        }
    }

    private static func faults(ofProject settings: String) throws -> [String] {
        do throws(Problem) {
            _ = try NewProject(reading: try parsed(#"{"project_name":"p","settings":{\#(settings)}}"#), knownEngines: engines)
            return []
        } catch {
            return error.errors.map(\.pointer)
        }
    }

    private static func parsed(_ text: String) throws(Problem) -> JSONValue {
        guard let value = try? JSONValue(parsing: text) else { throw .badRequest("no JSON: \(text)") }
        return value
    }

    static let cases: [(String, [String])] = [
        (#""engines":["a","b"]"#, []),
        (#""engines":["a","b"],"strategy":"race""#, []),
        (#""engines":["a","b"],"strategy":"balance""#, []),
        (#""engines":["a","a"],"strategy":"fallback""#, []),
        (#""engines":["a","b","c"],"strategy":"ensemble""#, []),
        (#""engines":["a","b"],"strategy":"ensemble","choose":"confidence""#, []),
        (#""engines":["a","b"],"strategy":"ensemble","judge":"c""#, []),
        (#""engines":["a","b"],"strategy":"ensemble","judge":"a","choose":"judge""#, []),
        (#""strategy":"race""#, ["/strategy"]),
        (#""strategy":"fallback""#, ["/strategy"]),
        (#""engines":null,"strategy":"balance""#, ["/strategy"]),
        (#""engines":["a","b"],"strategy":"vote""#, ["/strategy"]),
        (#""engines":["a","b"],"strategy":7"#, ["/strategy"]),
        (#""engines":["a","b"],"strategy":"race","judge":"c""#, ["/judge"]),
        (#""engines":["a","b"],"choose":"agreement""#, ["/choose"]),
        (#""engines":["a","b"],"strategy":"ensemble","judge":"nobody""#, ["/judge"]),
        (#""engines":["a","b"],"strategy":"ensemble","choose":"judge""#, ["/judge"]),
        (#""engines":["a","b"],"strategy":"ensemble","choose":"agreement","judge":"c""#, ["/judge"]),
        (#""engines":["a","b"],"strategy":"ensemble","choose":"luck""#, ["/choose"]),
        (#""engines":["a","b","a"],"strategy":"race""#, ["/engines/2"]),
        (#""engines":["b","b","b"],"strategy":"ensemble""#, ["/engines/1", "/engines/2"]),
        (#""engines":["a",5],"strategy":"race""#, ["/engines/1"]),
        (#""engines":["a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"],"strategy":"race""#, ["/engines"]),
    ]

    @Test(arguments: cases)
    func tasksAndProjectsAreCheckedAlike(fields: String, pointers: [String]) throws {
        #expect(try Self.faults(ofTask: fields) == pointers.map { "/input_data\($0)" })
        #expect(try Self.faults(ofProject: fields) == pointers.map { "/settings\($0)" })
    }

    @Test func anEngineAloneHasNoStrategy() throws {
        #expect(try Self.faults(ofTask: #""engine":"a","strategy":"race""#) == ["/input_data/strategy"])
    }

    @Test func aTaskSaysMoreThanItsProject() {
        let settings = ProjectSettings(stored: ["engines": ["a", "b"], "strategy": "ensemble", "judge": "c"])
        func plan(_ input: JSONObject) -> StrategyPlan { StrategyPlan(of: input, settings: settings, standard: "a") }
        #expect(plan(["prompt": "x"]) == StrategyPlan(.ensemble, engines: ["a", "b"], choice: .judge, judge: "c"))
        #expect(plan(["engine": "c"]) == StrategyPlan(engines: ["c"]))
        #expect(plan(["engines": ["b", "c"]]) == StrategyPlan(engines: ["b", "c"]))
        #expect(plan(["engines": ["b", "c"], "strategy": "race"]) == StrategyPlan(.race, engines: ["b", "c"]))
        #expect(plan(["engines": ["b", "c", "b"]]).engines == ["b", "c"], "a fallback asks each engine once")
        #expect(StrategyPlan(of: [:], settings: ProjectSettings(), standard: nil).engines == [])
        #expect(
            StrategyPlan(of: [:], settings: ProjectSettings(stored: ["strategy": "balance"]), standard: "a")
                == StrategyPlan(engines: ["a"]),
            "a strategy without engines says nothing")
    }

    @Test func whatIsAskedOftenCostsAsMuch() {
        let once = TokenEstimate.tokens(["prompt": "hello", "max_tokens": 100])
        #expect(TokenEstimate.tokens(["prompt": "hello", "max_tokens": 100, "engines": ["a", "b", "c"], "strategy": "race"]) == 3 * once)
        #expect(TokenEstimate.tokens(["prompt": "hello", "max_tokens": 100, "engines": ["a", "b", "c"]]) == once)
    }
}
