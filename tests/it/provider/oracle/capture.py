"""The corpus as the official SDKs send it.

usage: capture.py [NAME …]

Prints {provider: {name: {method, path, query, headers, body}}} for the requests named, or for all.
"""

import json
import os
import sys

import contract
import with_anthropic
import with_chat
import with_gemini
import with_ollama
import with_responses
from canonical import CREDENTIALS
from loopback import Answer, Loopback

HERE = os.path.dirname(os.path.abspath(__file__))
PROVIDERS = {
    "openai-chat": with_chat,
    "openai-responses": with_responses,
    "anthropic": with_anthropic,
    "gemini": with_gemini,
    "ollama": with_ollama,
}
# What says something of the call. Everything else is of the transport or of the package itself (host, connection,
# content-length, accept-encoding, user-agent, x-goog-api-client, x-stainless-*, idempotency-key, traceparent).
KEPT = {"content-type", "accept", "anthropic-version", "anthropic-beta", "openai-beta"}
# Of a credential, only that it is there and how it is written.
KEY = "test-key"


def headers(sent):
    kept = {name: value for name, value in sent.items() if name in KEPT}
    return kept | {name: value.replace(KEY, "{}") for name, value in sent.items() if name in CREDENTIALS}


def answer(module, stream):
    if not stream:
        return Answer("application/json", [json.dumps(module.ANSWER).encode()])
    kind = "application/x-ndjson" if module is with_ollama else "text/event-stream"
    return Answer(kind, [module.EVENTS])


def capture(server, module, cases):
    sdk, out = module.client(server.url), {}
    for name, case in cases.items():
        request = case["request"]
        server.answer = answer(module, request["stream"])
        server.requests.clear()
        module.send(sdk, request)
        (sent,) = server.requests
        assert sent["path"].startswith(module.PATH), sent["path"]
        out[name] = sent | {"headers": headers(sent["headers"])}
    return out


def everything(names=()):
    cases = contract.load(os.path.join(HERE, "requests.json"))
    chosen = {name: cases[name] for name in names} if names else cases
    server = Loopback()
    return {provider: capture(server, module, chosen) for provider, module in PROVIDERS.items()}


if __name__ == "__main__":
    json.dump(everything(sys.argv[1:]), sys.stdout, indent=1, sort_keys=True)
    print()
