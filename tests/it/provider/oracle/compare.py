"""Our adapters' requests beside those of the official SDKs.

usage: compare.py < OURS

Reads from stdin what our adapters sent, in the form in which capture.py prints: {provider: {name: {method, path,
query, headers, body}}}, for as many providers and names as wanted; null is a request that the adapter refused to
send. Prints {mismatches, unused}: `mismatches` is a
list of {provider, name, pointer, sdk, ours}, where a missing value is left out, and `unused` the entries of
differences.json that hid nothing although all that they speak of was there.
"""

import json
import os
import sys

from capture import HERE, everything
from canonical import canonical

ABSENT = object()


def load_differences():
    with open(os.path.join(HERE, "differences.json"), encoding="utf-8") as file:
        return [entry | {"at": entry["pointer"].split("/")[1:], "hid": False} for entry in json.load(file)]


def mismatches(sdk, ours, at=()):
    """The places at which two values differ, each as deep as it can be named."""
    if isinstance(sdk, dict) and isinstance(ours, dict):
        for key in sorted(sdk.keys() | ours.keys()):
            yield from mismatches(sdk.get(key, ABSENT), ours.get(key, ABSENT), (*at, key))
    elif isinstance(sdk, list) and isinstance(ours, list) and len(sdk) == len(ours):
        for number, (one, other) in enumerate(zip(sdk, ours)):
            yield from mismatches(one, other, (*at, str(number)))
    elif type(sdk) is bool or type(ours) is bool:
        if sdk is not ours:
            yield at, sdk, ours
    elif sdk != ours:
        yield at, sdk, ours


def covers(entry, provider, name, at):
    """Whether an entry speaks of this place or of one that holds it."""
    path = entry["at"]
    return (
        entry["provider"] in ("*", provider)
        and entry["name"] in ("*", name)
        and len(path) <= len(at)
        and all(part in ("*", place) for part, place in zip(path, at))
    )


def escaped(at):
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in at)


def compare(theirs, ours, differences):
    for provider, exchanges in ours.items():
        for name, exchange in exchanges.items():
            sdk = canonical(provider, theirs[provider][name])
            for at, one, other in mismatches(sdk, exchange and canonical(provider, exchange)):
                covering = [entry for entry in differences if covers(entry, provider, name, at)]
                for entry in covering:
                    entry["hid"] = True
                if not covering:
                    values = {"sdk": one, "ours": other}
                    there = {side: value for side, value in values.items() if value is not ABSENT}
                    yield {"provider": provider, "name": name, "pointer": escaped(at)} | there


def unused(differences, theirs, ours):
    """Entries that hid nothing; of an entry about every name, only where every name was there."""
    for entry in differences:
        providers = [entry["provider"]] if entry["provider"] != "*" else list(theirs)
        names = [entry["name"]] if entry["name"] != "*" else list(theirs[providers[0]])
        whole = all(name in ours.get(provider, {}) for provider in providers for name in names)
        if whole and not entry["hid"]:
            yield {field: entry[field] for field in ("provider", "name", "pointer")}


def main():
    ours = json.load(sys.stdin)
    differences = load_differences()
    theirs = everything()
    found = list(compare(theirs, ours, differences))
    json.dump({"mismatches": found, "unused": list(unused(differences, theirs, ours))}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
