"""What Schemathesis does not know by itself."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    if not isinstance(value, list):
        return json.dumps(value).encode()
    return b"".join(json.dumps(element).encode() + b"\n" for element in value)
