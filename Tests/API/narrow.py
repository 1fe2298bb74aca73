"""Writes the gateway's description to a file, narrowed to what exists there: names and ids that a schema cannot know."""

import json
import os
import sys
import urllib.request

from openapi_spec_validator import validate


def read(path):
    request = urllib.request.Request(
        os.environ["CHORUS_URL"] + path, headers={"Authorization": "Bearer " + os.environ["CHORUS_API_KEY"]}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


document = read("/openapi.json")
validate(document)
engines = [engine["name"] for engine in read("/v1/engines")["data"]]
schemas = document["components"]["schemas"]
schemas["EngineName"] = {"enum": engines + [None]}
schemas["EngineList"]["items"] = {"enum": engines}
# A parent must be a waiting task of the same project; a project's key and a key's projects must be the caller's.
schemas["ParentID"] = {"type": "null"}
schemas["NewKey"]["properties"]["permissions"]["properties"]["projects"] = {"type": "null"}
# Where a webhook may be called only the server's operator knows.
schemas["ProjectSettings"]["properties"]["webhooks"] = {"type": "null"}
# Streams have no end; the suite reads them.
for path in [path for path in document["paths"] if path.endswith("/events")]:
    del document["paths"][path]
# A time that lies ahead.
schemas["NewKey"]["properties"]["expires_at"] = {"type": "null"}
schemas["NewInvitationRequest"]["properties"]["expires_at"] = {"type": "null"}
# A code that somebody was given, and the password of the account that asks: nobody logs in as that one.
schemas["NewAccountRequest"]["properties"]["invitation"] = {"type": "null"}
# Its bytes are bounded, not its characters.
schemas["NewAccountRequest"]["properties"]["password"]["maxLength"] = 200
schemas["AccountChange"]["properties"] = {"full_name": schemas["AccountChange"]["properties"]["full_name"]}
schemas["AccountChange"].pop("dependentRequired")
schemas["NewProject"]["properties"]["api_key"] = {"type": "null"}
with open(sys.argv[1], "w") as file:
    json.dump(document, file)
