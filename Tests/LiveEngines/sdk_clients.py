"""sdk_clients.py URL: the vendors' SDKs against `chorus simulate-engine` at URL: their models must take what it answers.

Whole answers, streams, JSON by schema, errors, also within a stream, and vectors, in each of the four formats. Prints a line a check; exits 1 if one fails.
"""

import sys
import warnings

import anthropic
import httpx
import ollama
import openai
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

URL = sys.argv[1].rstrip("/")
ASK = [{"role": "user", "content": "one two three"}]
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"], "additionalProperties": False}
ECHO = "Simulated answer to: one two three"
LIMITED = {"x-simulate": "status=429;retry-after=7"}
# In the middle of a stream.
BROKEN = {"x-simulate": "error"}


class Answer(BaseModel):
    answer: str


def strictly(model):
    """The SDKs of OpenAI and Anthropic build their models without a check: here it is made up for."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return type(model).model_validate(model.model_dump(mode="json", exclude_unset=True), strict=False)


def openai_checks():
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key="key", max_retries=0)
    ask = {"model": "simulated", "messages": ASK}

    def whole():
        answer = strictly(client.chat.completions.create(**ask, logprobs=True))
        assert answer.choices[0].message.content == ECHO and answer.choices[0].finish_reason == "stop"
        assert answer.usage.completion_tokens == 6 and answer.choices[0].logprobs.content[0].token == "Simulated"

    def stream():
        chunks = [strictly(chunk) for chunk in client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True})]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ECHO
        assert chunks[-1].usage.total_tokens == 9

    def schema():
        answer = client.chat.completions.parse(**ask, response_format=Answer)
        assert answer.choices[0].message.parsed.answer == ECHO

    def error():
        try:
            client.chat.completions.create(**ask, extra_headers=LIMITED)
        except openai.RateLimitError as fault:
            assert fault.response.headers["retry-after"] == "7" and fault.body["message"] == "simulated"
            return
        raise AssertionError("it answered")

    def broken():
        try:
            list(client.chat.completions.create(**ask, stream=True, extra_headers=BROKEN))
        except openai.APIError as fault:
            assert fault.message == "simulated" and fault.type == "server_error"
            return
        raise AssertionError("it answered")

    def vectors():
        answer = strictly(client.embeddings.create(model="simulated", input=["one", "two"], dimensions=4))
        assert [len(part.embedding) for part in answer.data] == [4, 4] and answer.usage.prompt_tokens == 2

    def models():
        assert [strictly(model).id for model in client.models.list()] == ["simulated"]

    return whole, stream, schema, error, broken, vectors, models


def anthropic_checks():
    client = anthropic.Anthropic(base_url=URL, api_key="key", max_retries=0)
    ask = {"model": "simulated", "messages": ASK, "max_tokens": 100}

    def whole():
        answer = strictly(client.messages.create(**ask))
        assert answer.content[0].text == ECHO and answer.stop_reason == "end_turn" and answer.usage.output_tokens == 6

    def stream():
        with client.messages.stream(**ask) as events:
            assert "".join(events.text_stream) == ECHO
            message = strictly(events.get_final_message())
        assert message.usage.output_tokens == 6 and message.stop_reason == "end_turn"

    def schema():
        answer = client.messages.create(**ask, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
        assert Answer.model_validate_json(answer.content[0].text).answer == ECHO

    def error():
        try:
            client.messages.create(**ask, extra_headers=LIMITED)
        except anthropic.RateLimitError as fault:
            assert fault.response.headers["retry-after"] == "7" and fault.body["error"]["type"] == "rate_limit_error"
            return
        raise AssertionError("it answered")

    def broken():
        try:
            list(client.messages.create(**ask, stream=True, extra_headers=BROKEN))
        except anthropic.APIError as fault:
            assert fault.body["error"] == {"type": "overloaded_error", "message": "simulated"}
            return
        raise AssertionError("it answered")

    return whole, stream, schema, error, broken


def gemini_checks():
    def make(**headers):
        return genai.Client(api_key="key", http_options=types.HttpOptions(base_url=URL, headers=headers or None))

    client, limited, breaking = make(), make(**LIMITED), make(**BROKEN)
    ask = {"model": "simulated", "contents": "one two three"}

    def whole():
        config = types.GenerateContentConfig(response_logprobs=True)
        answer = client.models.generate_content(**ask, config=config)
        assert answer.text == ECHO and answer.candidates[0].finish_reason == types.FinishReason.STOP
        assert answer.usage_metadata.candidates_token_count == 6
        assert answer.candidates[0].logprobs_result.chosen_candidates[0].token == "Simulated"

    def stream():
        chunks = list(client.models.generate_content_stream(**ask))
        assert "".join(chunk.text or "" for chunk in chunks) == ECHO and chunks[-1].usage_metadata.total_token_count == 9

    def schema():
        config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=SCHEMA)
        assert Answer.model_validate_json(client.models.generate_content(**ask, config=config).text).answer == ECHO

    def error():
        try:
            limited.models.generate_content(**ask)
        except errors.ClientError as fault:
            assert fault.code == 429 and fault.status == "RESOURCE_EXHAUSTED"
            assert fault.details["error"]["details"][0]["retryDelay"] == "7s"
            return
        raise AssertionError("it answered")

    def broken():
        try:
            list(breaking.models.generate_content_stream(**ask))
        except errors.APIError as fault:
            assert fault.code == 529 and fault.message == "simulated"
            return
        raise AssertionError("it answered")

    def vectors():
        config = types.EmbedContentConfig(output_dimensionality=4)
        answer = client.models.embed_content(model="simulated", contents=["one", "two"], config=config)
        assert [len(part.values) for part in answer.embeddings] == [4, 4]

    return whole, stream, schema, error, broken, vectors


def ollama_checks():
    client = ollama.Client(host=URL)
    ask = {"model": "simulated", "messages": ASK}

    def whole():
        answer = client.chat(**ask, logprobs=True)
        assert answer.message.content == ECHO and answer.done and answer.done_reason == "stop" and answer.eval_count == 6
        assert answer.logprobs[0].token == "Simulated"

    def stream():
        lines = list(client.chat(**ask, stream=True))
        assert "".join(line.message.content for line in lines) == ECHO and lines[-1].done and lines[-1].prompt_eval_count == 3

    def schema():
        assert Answer.model_validate_json(client.chat(**ask, format=SCHEMA).message.content).answer == ECHO

    def error():
        try:
            ollama.Client(host=URL, headers=LIMITED).chat(**ask)
        except ollama.ResponseError as fault:
            assert fault.status_code == 429 and fault.error == "simulated"
            return
        raise AssertionError("it answered")

    def broken():
        try:
            list(ollama.Client(host=URL, headers=BROKEN).chat(**ask, stream=True))
        except ollama.ResponseError as fault:
            assert fault.error == "simulated"
            return
        raise AssertionError("it answered")

    def vectors():
        answer = client.embed(model="simulated", input=["one", "two"], dimensions=4)
        assert [len(vector) for vector in answer.embeddings] == [4, 4] and answer.prompt_eval_count == 2

    return whole, stream, schema, error, broken, vectors


def main():
    failed = 0
    for name, checks in [
        ("openai", openai_checks), ("anthropic", anthropic_checks), ("google-genai", gemini_checks), ("ollama", ollama_checks),
    ]:  # fmt: skip
        for check in checks():
            try:
                check()
                print(f"{name:13} {check.__name__:8} ok")
            except (AssertionError, AttributeError, LookupError, TypeError, ValueError, httpx.HTTPError, openai.OpenAIError,
                    anthropic.AnthropicError, errors.APIError, ollama.ResponseError) as fault:  # fmt: skip
                failed += 1
                print(f"{name:13} {check.__name__:8} FAILED: {type(fault).__name__} {fault}")
    sys.exit(1 if failed else 0)


main()
