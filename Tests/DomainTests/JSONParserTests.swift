import Domain
import Testing

@Suite struct JSONParserTests {
    @Test(
        arguments: [
            ("null", nil), (" true ", true), ("-12", -12), (#""a\n\u00e9\ud83d\ude00""#, "a\né😀"), ("{}", [:]), ("[]", []),
            (#"[1,[2,{"a":null}]]"#, [1, [2, ["a": nil]]]), (#"{"b":1,"a":[true,false]}"#, ["b": 1, "a": [true, false]]),
        ] as [(String, JSONValue)])
    func reads(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == expected)
    }

    @Test(arguments: [
        ("", JSONError.Code.syntax), ("{", .syntax), ("[1,]", .syntax), ("{\"a\":1,}", .syntax), ("01", .syntax), ("1.", .syntax),
        ("nul", .syntax),
        ("\"a", .syntax), ("\"\u{01}\"", .syntax), ("\"\\x\"", .syntax), ("1 2", .syntax), ("'a'", .syntax), ("NaN", .syntax),
        ("+1", .syntax),
        ("\"\\ud800\"", .encoding), ("\"\\udc00\\ud800\"", .encoding), ("\"\\u0000\"", .nul), ("1e999999", .number),
        ("{\"a\":1,\"a\":2}", .duplicateKey),
    ])
    func refuses(text: String, code: JSONError.Code) {
        #expect { try JSONValue(parsing: text) } throws: { ($0 as? JSONError)?.code == code }
    }

    @Test func refusesBytesThatAreNoText() {
        #expect { try JSONValue(parsing: [UInt8(ascii: "\""), 0xFF, UInt8(ascii: "\"")]) } throws: { ($0 as? JSONError)?.code == .encoding }
    }

    @Test func namesThePlace() {
        #expect { try JSONValue(parsing: "{\"a\": [1, {\"b/c\": \"\\u0000\"}]}") } throws: { error in
            let error = error as? JSONError
            return error?.pointer == "/a/1/b~1c" && error?.offset == 19
        }
    }

    @Test func limitsDepth() throws {
        let nested = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        _ = try JSONValue(parsing: nested(32))
        #expect { try JSONValue(parsing: nested(33)) } throws: { ($0 as? JSONError)?.code == .depth }
        // A peer cannot overflow the stack.
        #expect { try JSONValue(parsing: nested(100_000)) } throws: { ($0 as? JSONError)?.code == .depth }
    }

    @Test func keepsDigitsAndOrder() throws {
        let text = #"{"z":9007199254740993,"a":0.10,"m":1E+2,"é":"\"\\\u0001"}"#
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test func findsARepeatedKeyAmongMany() {
        let members = (0..<1_000).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect { try JSONValue(parsing: "{\(members),\"k500\":1}") } throws: { ($0 as? JSONError)?.code == .duplicateKey }
        #expect(throws: Never.self) { try JSONValue(parsing: "{\(members)}") }
    }

    @Test func survivesEveryPrefixAndFlippedBytes() {
        let text = Array(#"{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00",true,null],"b":{"c":"\\\""}}"#.utf8)
        for length in 0..<text.count { _ = try? JSONValue(parsing: Array(text[..<length])) }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = text
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: .min ... .max, using: &generator)
            }
            if let value = try? JSONValue(parsing: bytes) {
                #expect((try? JSONValue(parsing: value.serialized())) == value)
            }
        }
    }

    /// Strings are looked at eight bytes at a time: what ends a run is seen at each place of each length.
    @Test func seesWhatCannotStandInAStringAtEveryPlace() throws {
        for length in 0...20 {
            for place in 0..<length {
                var text = Array(repeating: UInt8(ascii: "a"), count: length)
                for byte in UInt8.min...0x7F {
                    text[place] = byte
                    let string = String(decoding: text, as: UTF8.self)
                    let isPlain = byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
                    let quoted = Array("\"".utf8) + text + Array("\"".utf8)
                    #expect((JSONValue.string(string).serialized() == quoted) == isPlain)
                    #expect(((try? JSONValue(parsing: quoted)) == .string(string)) == isPlain)
                    guard byte != 0 else { continue }
                    #expect(try JSONValue(parsing: JSONValue.string(string).serialized()) == .string(string))
                }
                // Beside what ends a run stands what could be taken for such a byte, or hide it.
                for ender in [0x1F, UInt8(ascii: "\""), UInt8(ascii: "\\")] {
                    for neighbour in [[ender + 1], [0x7F], [0xC3, 0xA9]] where place + neighbour.count < length {
                        text = Array(repeating: UInt8(ascii: "a"), count: length)
                        text.replaceSubrange(place...(place + neighbour.count), with: [ender] + neighbour)
                        let string = String(decoding: text, as: UTF8.self)
                        #expect(try JSONValue(parsing: JSONValue.string(string).serialized()) == .string(string))
                        #expect((try? JSONValue(parsing: Array("\"".utf8) + text + Array("\"".utf8))) == nil)
                    }
                }
                // A byte that cannot be, and a character of two, stand anywhere too.
                text = Array(repeating: UInt8(ascii: "!"), count: length)
                text[place] = 0xC3
                #expect(throws: JSONError.self) { try JSONValue(parsing: Array("\"".utf8) + text + Array("\"".utf8)) }
                text.insert(0xA9, at: place + 1)
                let string = String(decoding: text, as: UTF8.self)
                #expect(try JSONValue(parsing: JSONValue.string(string).serialized()) == .string(string))
            }
        }
    }
}
