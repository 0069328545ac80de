"""Our contract's JSON form, as the provider modules here need it."""

import base64
import json
from dataclasses import dataclass, field

# What a request without a limit asks of a provider that insists on one.
OUTPUT_TOKENS = 4096


def load(path):
    """The requests of a corpus by name."""
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    by_name = {case["name"]: case for case in cases}
    assert len(by_name) == len(cases), "a name is there twice"
    return by_name


def base64_of(block):
    return base64.b64encode(bytes(block["data"])).decode()


def data_url(block):
    return f"data:{block['media_type']};base64,{base64_of(block)}"


def texts(message):
    return [block["text"] for block in message["content"] if block["type"] == "text"]


def schema(tool):
    return json.loads(tool["input_schema_json"])


def answer_schema(output):
    return json.loads(output["schema_json"])


def decimal(thousandths):
    return None if thousandths is None else thousandths / 1000


def state(block, provider):
    """The bytes of a state of `provider`'s, else none: a state goes back to its maker only."""
    return bytes(block["data"]) if block["provider"] == provider else None


def with_images(content):
    """The blocks, each result with the images that follow it; other images stand for themselves."""
    out, result = [], None
    for block in content:
        if block["type"] == "image" and result is not None:
            result.append(block)
            continue
        images = []
        result = images if block["type"] == "tool-result" else None
        out.append((block, images))
    return out


def marked(result):
    """A result's text where the format has no flag for an error."""
    return f"error: {result['text']}" if result["is_error"] else result["text"]


def sides(turns):
    """Turns as (role, content), those of one side that follow each other made one, those of nothing left out."""
    role, content = [], []
    for who, what in turns:
        if not what:
            continue
        if content and role[-1] == who:
            content[-1] += what
        else:
            role.append(who)
            content.append(what)
    return zip(role, content)


def given(**parts):
    """The arguments that are there: a user leaves out what is none or empty."""
    return {name: value for name, value in parts.items() if value not in (None, [], "")}


@dataclass
class Completion:
    """A whole answer, counted and named as in our contract; a refusal's words stand apart from the text."""

    text: str = ""
    thinking: str = ""
    refusal: str = ""
    tool_calls: list = field(default_factory=list)
    stop: str = "other"
    usage: dict = field(default_factory=dict)
    error: dict | None = None

    def call(self, identity, name, arguments):
        self.tool_calls.append({"id": identity, "name": name, "arguments": arguments})

    def count(self, input=0, output=0, cached_input=0, reasoning=0):
        self.usage = {
            "input": input or 0,
            "output": output or 0,
            "cached_input": cached_input or 0,
            "reasoning": reasoning or 0,
        }


def failed(kind, message):
    """A failure, by the kind on which the host acts."""
    return Completion(error={"kind": kind, "message": message})
