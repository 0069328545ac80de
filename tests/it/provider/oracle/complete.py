"""Recorded answers as the official SDKs understand them.

usage: complete.py --all | complete.py < CASES

Reads from stdin a JSON list of cases {provider, name, cuts}, where `cuts` is a list of runs, each a list of byte
positions at which the body is cut on the wire. With --all: every answer of responses/index.json, uncut.
Prints a JSON list with, for each case, {provider, name, completion, runs, others}: how the SDK understood the first
run, how many runs there were, and [{cuts, completion}] of the runs that it understood in another way.
"""

import dataclasses
import json
import os
import sys

from capture import HERE, PROVIDERS
from loopback import Answer, Loopback

RESPONSES = os.path.join(HERE, "responses")


def index():
    with open(os.path.join(RESPONSES, "index.json"), encoding="utf-8") as file:
        return json.load(file)


def pieces(body, cuts):
    edges = [0, *sorted(cuts), len(body)]
    return [body[start:end] for start, end in zip(edges, edges[1:])]


def understood(module, sdk, stream):
    try:
        return module.complete(sdk, stream)
    except Exception as error:
        completion = module.failure(error)
        if completion is None:
            raise
        return completion


def run(server, sdk, module, entry, body, cuts):
    server.requests.clear()
    server.answer = Answer(entry["content_type"], pieces(body, cuts), entry["status"], entry.get("headers"))
    stream = entry["stream"]
    return dataclasses.asdict(understood(module, sdk, stream))


def case(server, clients, entry, provider, name, cuts):
    with open(os.path.join(RESPONSES, entry["file"]), "rb") as file:
        body = file.read()
    module, sdk = PROVIDERS[provider], clients[provider]
    got = [run(server, sdk, module, entry, body, one) for one in cuts or [[]]]
    others = [{"cuts": one, "completion": other} for one, other in zip(cuts or [[]], got) if other != got[0]]
    return {"provider": provider, "name": name, "completion": got[0], "runs": len(got), "others": others}


def main():
    known = index()
    if sys.argv[1:] == ["--all"]:
        cases = [{"provider": provider, "name": name} for provider, names in known.items() for name in names]
    else:
        cases = json.load(sys.stdin)
    server = Loopback()
    clients = {provider: module.client(server.url) for provider, module in PROVIDERS.items()}
    out = [
        case(server, clients, known[one["provider"]][one["name"]], one["provider"], one["name"], one.get("cuts"))
        for one in cases
    ]
    json.dump(out, sys.stdout)
    print()


if __name__ == "__main__":
    main()
