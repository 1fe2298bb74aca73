"""sdk_server.py PORT KEY: a server that is made of the vendors' own types (the SDKs anthropic before 1, openai, google-genai, ollama).

A request that those types do not know, to the last field, is refused with 400; answers, whole and streamed, are values of those types. What
a caller is told is therefore what the vendors' words can say. It thinks nothing: an answer meets the schema that was asked for, calls the
tool that must be called, or is a few words. Anthropic's SDK is of the API's version that a request names, 2023-06-01: later ones speak
2026-10-21, which has no temperature.
"""

import base64
import json
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Optional

import anthropic.types as anthropic
import openai.types as openai
import openai.types.chat as chat
from anthropic.types import message_create_params
from google.genai import types as google
from openai.types import embedding_create_params
from openai.types.chat import completion_create_params
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

import ollama

from typed import Mismatch, check, check_model

WORDS = ["The", " people", " of", " the", " world", "."]
MODEL = "tiny-random"


class GeminiRequest(BaseModel):
    """The body of generateContent, of the SDK's parts: the SDK itself has no type for the whole of it."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")
    contents: list[google.Content]
    system_instruction: Optional[google.Content] = None
    tools: Optional[list[google.Tool]] = None
    tool_config: Optional[google.ToolConfig] = None
    generation_config: Optional[google.GenerationConfig] = None
    safety_settings: Optional[list[google.SafetySetting]] = None


class GeminiEmbedRequest(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")
    model: str
    content: google.Content
    task_type: Optional[str] = None
    output_dimensionality: Optional[int] = None


class GeminiBatch(BaseModel):
    model_config = ConfigDict(extra="forbid")
    requests: list[GeminiEmbedRequest]


def instance(schema):
    """The simplest value that meets a schema."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type", "object"):
        case "object":
            return {key: instance(part) for key, part in schema.get("properties", {}).items()}
        case "array":
            return [instance(schema.get("items", {"type": "string"}))]
        case "boolean":
            return True
        case "integer" | "number":
            return 1
        case "null":
            return None
        case _:
            return "word"


def tokens(schema, wants_json):
    if schema is not None or wants_json:
        text = json.dumps(instance(schema or {}))
        return [text[: len(text) // 2], text[len(text) // 2 :]]
    return WORDS


def dump(model, **options):
    return json.dumps(model.model_dump(mode="json", exclude_unset=True, **options))


class OpenAI:
    @staticmethod
    def respond(body):
        params = completion_create_params
        check(body, params.CompletionCreateParamsStreaming if body.get("stream") else params.CompletionCreateParamsNonStreaming)
        kind = (body.get("response_format") or {}).get("type", "text")
        words = tokens(body["response_format"]["json_schema"]["schema"] if kind == "json_schema" else None, kind == "json_object")
        words = words[: body.get("max_tokens") or 100]
        calls = None
        if body.get("tools") and body.get("tool_choice") == "required":
            function = body["tools"][0]["function"]
            arguments = json.dumps(instance(function.get("parameters", {})))
            calls = [{"id": "call_1", "type": "function", "function": {"name": function["name"], "arguments": arguments}}]
            words = []
        reason = "tool_calls" if calls else "stop"
        usage = {"prompt_tokens": 3, "completion_tokens": len(words) + 1, "total_tokens": len(words) + 4}
        base = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": MODEL}

        def logprobs(texts):
            if not body.get("logprobs"):
                return None
            top = [{"token": "a", "logprob": -0.1, "bytes": [97]} for _ in range(body.get("top_logprobs", 0))]
            return {"content": [{"token": text, "logprob": -0.2, "bytes": None, "top_logprobs": top} for text in texts], "refusal": None}

        if not body.get("stream"):
            message = {"role": "assistant", "content": None if calls else "".join(words), "refusal": None}
            if calls:
                message["tool_calls"] = calls
            choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": logprobs(words)}
            return dump(chat.ChatCompletion.model_validate({**base, "object": "chat.completion", "choices": [choice], "usage": usage}))

        def chunk(delta, reason=None, logprobs=None):
            choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": logprobs}
            return {"choices": [choice], "usage": None}

        chunks = [chunk({"role": "assistant", "content": "", "refusal": None})]
        chunks += [chunk({"content": word}, logprobs=logprobs([word])) for word in words]
        for call in calls or []:
            half = len(call["function"]["arguments"]) // 2
            first, rest = call["function"]["arguments"][:half], call["function"]["arguments"][half:]
            chunks.append(chunk({"tool_calls": [{**call, "index": 0, "function": {**call["function"], "arguments": first}}]}))
            chunks.append(chunk({"tool_calls": [{"index": 0, "function": {"arguments": rest}}]}))
        chunks.append(chunk({}, reason=reason))
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append({"choices": [], "usage": usage})
        # As the API does since 2025: every chunk has as much padding as hides the length of its text.
        models = [
            chat.ChatCompletionChunk.model_validate({**base, "object": "chat.completion.chunk", **part, "obfuscation": "x" * (index % 5)})
            for index, part in enumerate(chunks)
        ]
        return [f"data: {dump(model)}\n\n" for model in models] + ["data: [DONE]\n\n"]

    @staticmethod
    def embed(body):
        check(body, embedding_create_params.EmbeddingCreateParams)
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        vector = [0.25] * body.get("dimensions", 3)
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(len(texts))]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        response = {"object": "list", "model": MODEL, "data": data, "usage": usage}
        if body.get("encoding_format") == "base64":
            return json.dumps(response)  # The SDK's type knows the vectors only as it has decoded them.
        return dump(openai.CreateEmbeddingResponse.model_validate(response))

    @staticmethod
    def error(status, message):
        return dump(
            openai.shared.ErrorObject.model_validate({"message": message, "type": "invalid_request_error", "param": None, "code": None})
        ).join(['{"error": ', "}"])


class Anthropic:
    @staticmethod
    def respond(body):
        params = message_create_params
        check(body, params.MessageCreateParamsStreaming if body.get("stream") else params.MessageCreateParamsNonStreaming)
        schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
        words = tokens(schema, False)[: body["max_tokens"]]
        called = body.get("tools") and (body.get("tool_choice") or {}).get("type") == "any"
        if called:
            tool = body["tools"][0]
            block = {"type": "tool_use", "id": "toolu_1", "name": tool["name"], "input": instance(tool["input_schema"])}
        else:
            block = {"type": "text", "text": "".join(words), "citations": None}
        reason = "tool_use" if called else "end_turn"
        usage = {"input_tokens": 3, "output_tokens": len(words)}
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": [block], "stop_reason": reason,
            "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        if not body.get("stream"):
            return dump(anthropic.Message.model_validate(message))
        start = anthropic.Message.model_validate(
            {**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 3, "output_tokens": 1}}
        )
        if called:
            pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", json.dumps(block["input"])]]
            block = {**block, "input": {}}
        else:
            pieces = [{"type": "text_delta", "text": word} for word in words]
            block = {**block, "text": ""}
        events = [
            anthropic.RawMessageStartEvent(type="message_start", message=start),
            anthropic.RawContentBlockStartEvent.model_validate({"type": "content_block_start", "index": 0, "content_block": block}),
            *[
                anthropic.RawContentBlockDeltaEvent.model_validate({"type": "content_block_delta", "index": 0, "delta": piece})
                for piece in pieces
            ],
            anthropic.RawContentBlockStopEvent(type="content_block_stop", index=0),
            anthropic.RawMessageDeltaEvent.model_validate(
                {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}
            ),
            anthropic.RawMessageStopEvent(type="message_stop"),
        ]
        framed = [f"event: {event.type}\ndata: {dump(event)}\n\n" for event in events]
        return framed[:2] + ['event: ping\ndata: {"type": "ping"}\n\n'] + framed[2:]

    @staticmethod
    def error(status, message):
        kind, model = {
            401: ("authentication_error", anthropic.AuthenticationError),
            404: ("not_found_error", anthropic.NotFoundError),
        }.get(status, ("invalid_request_error", anthropic.InvalidRequestError))
        error = {"type": kind, "message": message}
        return dump(anthropic.ErrorResponse.model_validate({"type": "error", "error": error, "request_id": "req_1"}))


class Gemini:
    @staticmethod
    def respond(body, streams):
        request = check_model(body, GeminiRequest)
        config = request.generation_config or google.GenerationConfig()
        schema = config.response_json_schema
        words = tokens(schema, config.response_mime_type == "application/json")[: config.max_output_tokens or 100]
        calling = request.tool_config and request.tool_config.function_calling_config
        if request.tools and calling and calling.mode == google.FunctionCallingConfigMode.ANY:
            declaration = request.tools[0].function_declarations[0]
            call = {"name": declaration.name, "args": instance(declaration.parameters_json_schema or {})}
            parts = [[{"functionCall": call, "thoughtSignature": base64.b64encode(b"signed").decode()}]]
        else:
            parts = [[{"text": word}] for word in words]
        if not streams:
            parts = [[{"text": "".join(words)}]] if "text" in parts[0][0] else parts

        def response(index, part):
            candidate = {"content": {"role": "model", "parts": part}, "index": 0}
            if index == len(parts) - 1:
                candidate["finishReason"] = "STOP"
            if config.response_logprobs:
                top = [{"token": "a", "logProbability": -0.1, "tokenId": 2}] * (config.logprobs or 0)
                candidate["logprobsResult"] = {
                    "topCandidates": [{"candidates": top}],
                    "chosenCandidates": [{"token": part[0].get("text", ""), "logProbability": -0.2, "tokenId": 1}],
                }
            usage = {"promptTokenCount": 3, "candidatesTokenCount": index + 1, "totalTokenCount": index + 4}
            return google.GenerateContentResponse.model_validate(
                {"candidates": [candidate], "usageMetadata": usage, "modelVersion": MODEL, "responseId": "1"}
            )

        answers = [dump(response(index, part), by_alias=True) for index, part in enumerate(parts)]
        return [f"data: {answer}\r\n\r\n" for answer in answers] if streams else answers[-1]

    @staticmethod
    def embed(body, is_batch):
        requests = check_model(body, GeminiBatch).requests if is_batch else [check_model(body, GeminiEmbedRequest)]
        vectors = [google.ContentEmbedding(values=[0.25] * (request.output_dimensionality or 3)) for request in requests]
        if is_batch:
            return dump(google.EmbedContentResponse(embeddings=vectors), by_alias=True)
        return json.dumps({"embedding": json.loads(dump(vectors[0], by_alias=True))})

    @staticmethod
    def error(status, message):
        word = {401: "UNAUTHENTICATED", 404: "NOT_FOUND"}.get(status, "INVALID_ARGUMENT")
        return json.dumps({"error": {"code": status, "message": message, "status": word}})


class Ollama:
    @staticmethod
    def respond(body):
        request = check_model(body, ollama._types.ChatRequest)
        ollama.Options.model_validate(check_model(body.get("options") or {}, ollama.Options))
        schema = request.format if isinstance(request.format, dict) else None
        limit = (request.options or {}).get("num_predict") or 100
        words = tokens(schema, request.format == "json")[:limit]
        message = {"role": "assistant", "content": ""}
        if request.tools and "tool" in str(request.messages[-1].get("content")):
            function = request.tools[0].function
            call = {"name": function.name, "arguments": instance(function.parameters.model_dump(exclude_none=True))}
            message["tool_calls"] = [{"function": call}]
            words = []
        base = {"model": MODEL, "created_at": "2026-11-01T00:00:00.000001Z", "done": False}
        end = {"done": True, "done_reason": "stop", "total_duration": 9, "prompt_eval_count": 3, "eval_count": len(words) + 1}

        def line(content, **others):
            value = {**base, "message": {**message, "content": content}, **others}
            if request.logprobs:
                top = [{"token": "a", "logprob": -0.1}] * (request.top_logprobs or 0)
                texts = [content] if content else []
                value["logprobs"] = [{"token": text, "logprob": -0.2, "top_logprobs": top} for text in texts]
            return dump(ollama.ChatResponse.model_validate(value))

        if request.stream is False:
            return line("".join(words), **end)
        lines = [line(word, created_at=f"2026-11-01T00:00:00.{index:06}Z") for index, word in enumerate(words)]
        return [text + "\n" for text in lines + [line("", **end)]]

    @staticmethod
    def embed(body):
        request = check_model(body, ollama._types.EmbedRequest)
        texts = [request.input] if isinstance(request.input, str) else request.input
        vectors = [[0.25] * (request.dimensions or 3) for _ in texts]
        answer = {"model": MODEL, "embeddings": vectors, "total_duration": 9, "prompt_eval_count": len(texts)}
        return dump(ollama.EmbedResponse.model_validate(answer))

    @staticmethod
    def error(status, message):
        return json.dumps({"error": message})


def route(path):
    """The vendor of a path, and what answers there."""
    path = path.split("?")[0]
    match path:
        case "/v1/chat/completions":
            return OpenAI, OpenAI.respond
        case "/v1/embeddings":
            return OpenAI, OpenAI.embed
        case "/v1/messages":
            return Anthropic, Anthropic.respond
        case "/api/chat":
            return Ollama, Ollama.respond
        case "/api/embed":
            return Ollama, Ollama.embed
    if path.startswith("/v1beta/models/"):
        method = path.rpartition(":")[2]
        if method in ("generateContent", "streamGenerateContent"):
            return Gemini, lambda body: Gemini.respond(body, method == "streamGenerateContent")
        if method in ("embedContent", "batchEmbedContents"):
            return Gemini, lambda body: Gemini.embed(body, method == "batchEmbedContents")
    return OpenAI, None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    key = ""

    def do_GET(self):
        self.answer(200, "application/json", ["{}"])

    def do_POST(self):
        vendor, respond = route(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, answer = 200, ""
        try:
            if respond is None:
                status, answer = 404, vendor.error(404, f"no such path: {self.path}")
            elif not self.is_authorized(vendor):
                status, answer = 401, vendor.error(401, "the key is wrong")
            else:
                answer = respond(json.loads(body))
        except (Mismatch, ValidationError, LookupError, TypeError, ValueError) as error:
            print(self.path, body.decode(errors="replace"), error, flush=True)
            status, answer = 400, vendor.error(400, f"{type(error).__name__}: {error}"[:2_000])
        streams = isinstance(answer, list)
        kind = "application/json"
        if streams:
            kind = "application/x-ndjson" if vendor is Ollama else "text/event-stream"
        self.answer(status, kind, answer if streams else [answer])

    def is_authorized(self, vendor):
        """The key, where the vendor's own SDK puts it; Anthropic also wants the version."""
        match vendor.__name__:
            case "Anthropic":
                return self.headers.get("x-api-key") == self.key and self.headers.get("anthropic-version") == "2023-06-01"
            case "Gemini":
                return self.headers.get("x-goog-api-key") == self.key
            case _:
                return self.headers.get("authorization") == f"Bearer {self.key}"

    def answer(self, status, kind, pieces):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            data = piece.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Handler.key = sys.argv[2]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
