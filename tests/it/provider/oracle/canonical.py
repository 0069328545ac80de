"""One form for what a server reads in the same way however it is written.

Each rule names why the two ways are one to the server; what no rule names counts.
"""


# The host adds the credential, not the adapter, and in the header that the operator names.
CREDENTIALS = {"authorization", "x-api-key", "x-goog-api-key"}


def canonical(provider, exchange):
    headers = {name: value for name, value in exchange["headers"].items() if name not in CREDENTIALS}
    return exchange | {"headers": headers, "body": BODIES[provider](exchange["body"])}


def single(content, kinds):
    """A text alone, and a list that holds only it."""
    match content:
        case [{"type": kind, "text": text, **rest}] if kind in kinds and not rest:
            return text
    return content


def turns(body, key, kinds):
    """Chat, Responses and Messages take a string where they take a list with one text."""
    out = [
        one | {"content": single(one["content"], kinds)} if "content" in one else one for one in body[key]
    ]
    return body | {key: out}


def chat(body):
    return turns(body, "messages", ("text",))


def responses(body):
    """An item without a type is a message."""
    body = turns(body, "input", ("input_text", "output_text"))
    items = [
        {key: value for key, value in item.items() if (key, value) != ("type", "message")} for item in body["input"]
    ]
    return body | {"input": items}


def messages(body):
    body = turns(body, "messages", ("text",))
    if "system" in body:
        body["system"] = single(body["system"], ("text",))
    for turn in body["messages"]:
        blocks = turn["content"] if isinstance(turn["content"], list) else []
        for block in blocks:
            if block["type"] == "tool_result" and "content" in block:
                block["content"] = single(block["content"], ("text",))
    return body


# Below these stand values of the user's own, whose names are not the format's.
OPAQUE = {"args", "response", "parametersJsonSchema", "responseJsonSchema"}


def gemini(value):
    """Protocol buffers in JSON: a name may be written as in the definition (`mime_type`) or in camel case, bytes in
    either alphabet of base64; an empty message says nothing. An instruction's role is not read."""
    body = camel(value)
    if body.get("generationConfig") == {}:
        del body["generationConfig"]
    body.get("systemInstruction", {}).pop("role", None)
    return body


def camel(value):
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for name, one in value.items():
        first, *rest = name.split("_")
        name = first + "".join(word.capitalize() for word in rest)
        out[name] = one if name in OPAQUE else camel(one)
    if "mimeType" in out and "data" in out:
        out["data"] = out["data"].replace("-", "+").replace("_", "/").rstrip("=")
    return out


def ollama(body):
    """The server reads an absent text and an absent list as empty ones."""
    kept = [{key: value for key, value in one.items() if (key, value) != ("content", "")} for one in body["messages"]]
    body = body | {"messages": kept}
    if body.get("tools") == []:
        del body["tools"]
    return body


BODIES = {
    "openai-chat": chat,
    "openai-responses": responses,
    "anthropic": messages,
    "gemini": gemini,
    "ollama": ollama,
}
