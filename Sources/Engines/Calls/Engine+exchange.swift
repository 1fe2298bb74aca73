import Domain
import FoundationEssentials
import HTTPTypes
import NIOURLSession

/// One request and its answer, in one piece or as a stream.
extension Engine {
    /// Bytes of an error's body that are shown.
    private static let maxErrorBytes = 64 << 10

    /// An answer in one piece is silent while the engine thinks.
    func exchange(
        _ request: HTTPRequest, _ body: [UInt8], _ timeouts: NIOURLSessionTimeouts
    ) async throws(EngineError) -> EngineReply {
        let answer = try await send(request, body, timeouts)
        return try reply(answer.body, answer.response)
    }

    func send(
        _ request: HTTPRequest, _ body: [UInt8], _ timeouts: NIOURLSessionTimeouts
    ) async throws(EngineError) -> (body: [UInt8], response: HTTPResponse) {
        do {
            return try await session.upload(for: request, from: body, timeouts: timeouts)
        } catch {
            throw EngineError(error, timeouts: timeouts).redacting(secret)
        }
    }

    /// An answer that streams if the engine can.
    func stream(
        _ request: HTTPRequest, _ body: [UInt8], _ timeouts: NIOURLSessionTimeouts, _ progress: AnswerProgress?
    ) async throws(EngineError) -> EngineReply {
        do {
            let (bytes, response) = try await session.bytes(for: request, from: body, timeouts: timeouts)
            var pieces = bytes.makeAsyncIterator()
            guard response.status.kind == .successful,
                let type = response.headerFields.first(where: { $0.name == .contentType })?.value,
                let decoder = StreamDecoder(contentType: type)
            else {
                var all = try await pieces.next() ?? []
                while let piece = try await pieces.next() { all += piece }
                return try reply(all, response)
            }
            let reader = ReplyReader(decoder, for: format, learned: lessons.events)
            return try await read(&pieces, reader, timeouts, response, progress)
        } catch let error as NIOURLSessionError {
            throw EngineError(error, timeouts: timeouts).redacting(secret)
        } catch {
            throw error as? EngineError ?? EngineError(.unknown, "\(error)")
        }
    }

    private func read(
        _ pieces: inout NIOURLSessionBytes.AsyncIterator, _ reader: consuming ReplyReader, _ timeouts: NIOURLSessionTimeouts,
        _ response: HTTPResponse, _ progress: AnswerProgress?
    ) async throws(EngineError) -> EngineReply {
        while true {
            let piece: [UInt8]?
            do {
                piece = try await pieces.next()
            } catch {
                // What breaks behind the answer's end takes nothing from it.
                if reader.isComplete { break }
                throw EngineError(error, timeouts: timeouts, partial: reader.partial)
                    .redacting(secret, statusCode: response.status.code)
            }
            guard let piece else { break }
            do {
                try reader.take(piece)
            } catch {
                throw error.redacting(secret, statusCode: response.status.code, partial: reader.partial)
            }
            if let progress, progress.isWanted { progress.note(reader.text) }
        }
        if reader.learned.isNew { lessons.events = reader.learned.kept }
        do {
            return try reader.finish()
        } catch {
            throw error.redacting(secret, statusCode: response.status.code, partial: reader.partial)
        }
    }

    private func reply(_ body: [UInt8], _ response: HTTPResponse) throws(EngineError) -> EngineReply {
        guard response.status.kind == .successful else { throw refusal(body, response) }
        do {
            return try format.reply(from: try parse(body, response))
        } catch {
            throw error.redacting(secret, statusCode: response.status.code)
        }
    }

    func parse(_ body: [UInt8], _ response: HTTPResponse) throws(EngineError) -> JSONValue {
        do {
            return try JSONValue(parsing: body, limits: ReplyReader.limits)
        } catch {
            let type = response.headerFields[.contentType].map { " (\($0.prefix(100)))" } ?? ""
            throw EngineError(.passing, "the answer\(type) is not JSON: \(error)")
        }
    }

    /// What an answer means that is no 2xx, by the format's table and in the engine's words.
    func refusal(_ body: [UInt8], _ response: HTTPResponse) -> EngineError {
        let json = try? JSONValue(parsing: body, limits: ReplyReader.limits)
        let complaint =
            json.flatMap(format.complaint(in:))
            ?? EngineComplaint(message: String(decoding: body.prefix(Self.maxErrorBytes), as: UTF8.self))
        return EngineError(
            complaint, status: response.status.code, fields: response.headerFields, rules: format.errorRules,
            now: Int(Date().timeIntervalSince1970)
        ).redacting(secret)
    }
}
