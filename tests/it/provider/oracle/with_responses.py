"""OpenAI's Responses, with the `openai` package; nothing is kept at the server."""

import json

import openai

from contract import (
    Completion,
    answer_schema,
    data_url,
    decimal,
    failed,
    given,
    marked,
    schema,
    state,
    texts,
    with_images,
)
from openai_errors import error_kind
from with_chat import client, failure  # noqa: F401 (the same here)

PATH = "/v1/responses"
PROVIDER = "openai"


def arguments(request):
    """The arguments of `responses.create`."""
    effort, output = request["options"]["effort"], request["options"]["output"]
    return given(
        model=request["model"],
        input=[item for message in request["messages"] for item in items(message)],
        tools=[tool(spec) for spec in request["tools"]],
        tool_choice=tool_choice(request["tool_choice"]),
        temperature=decimal(request["temperature_milli"]),
        top_p=decimal(request["top_p_milli"]),
        max_output_tokens=request["output_tokens_max"],
        reasoning=effort and {"effort": "none" if effort == "off" else effort},
        text=output and {
            "format": {"type": "json_schema", "name": output["name"], "schema": answer_schema(output), "strict": True}
        },
        store=False,
        include=["reasoning.encrypted_content"],
    )


def items(message):
    """A message as items: results, calls and states are items of their own, the rest is a message between."""
    if message["role"] == "system":
        return [{"role": "system", "content": "\n".join(texts(message))}]
    out, parts = [], []

    def close():
        if parts:
            out.append({"role": message["role"], "content": parts.copy()})
            parts.clear()

    for block, images in with_images(message["content"]):
        kind = block["type"]
        if kind == "text" and message["role"] == "assistant":
            parts.extend([{"type": "output_text", "text": block["text"]}] if block["text"] else [])
        elif kind == "text":
            parts.append({"type": "input_text", "text": block["text"]})
        elif kind == "image":
            parts.append(image(block))
        elif kind == "tool-use":
            close()
            out.append({"type": "function_call", "call_id": block["id"], "name": block["name"],
                        "arguments": block["arguments_json"]})
        elif kind == "tool-result":
            close()
            out.append({"type": "function_call_output", "call_id": block["id"], "output": result(block, images)})
        elif kind == "opaque" and (kept := state(block, PROVIDER)):
            close()
            out.append(json.loads(kept))
    close()
    return out


def result(block, images):
    text = marked(block)
    return [{"type": "input_text", "text": text}, *map(image, images)] if images else text


def image(block):
    return {"type": "input_image", "image_url": data_url(block), "detail": "auto"}


def tool(spec):
    # A tool is strict here unless it says that it is not, and a plugin's schema need not be fit for that.
    return {"type": "function", "name": spec["name"], "description": spec["description"],
            "parameters": schema(spec), "strict": False}


def tool_choice(choice):
    if isinstance(choice, dict):
        return {"type": "function", "name": choice["tool"]}
    return None if choice == "auto" else choice


def send(sdk, request):
    if request["stream"]:
        list(sdk.responses.create(**arguments(request), stream=True))
    else:
        sdk.responses.create(**arguments(request))


ANSWER = {"id": "r", "object": "response", "created_at": 1, "model": "m-1", "status": "completed", "output": []}
EVENTS = b'event: response.completed\ndata: {"type":"response.completed","sequence_number":0,"response":%b}\n\n' % (
    json.dumps(ANSWER).encode()
)


def complete(sdk, stream):
    if not stream:
        return completion(sdk.responses.create(model="m-1", input="Hello."))
    with sdk.responses.stream(model="m-1", input="Hello.") as events:
        last = None
        for event in events:
            last = event
            if event.type == "error":
                return failed(error_kind(openai.APIError(event.message, None, body=event.to_dict())), event.message)
    if last is None or last.type not in ("response.completed", "response.incomplete", "response.failed"):
        return failed("unavailable", "the stream ended before the answer did")
    return completion(last.response)


def completion(got):
    if got.status == "failed":
        error = got.error
        return failed(error_kind(openai.APIError(error.message, None, body=error.to_dict())), error.message)
    out = Completion(text=got.output_text)
    for item in got.output:
        if item.type == "reasoning":
            out.thinking += "".join(part.text for part in item.summary)
        elif item.type == "function_call":
            out.call(item.call_id, item.name, json.loads(item.arguments or "{}"))
        elif item.type == "message":
            out.refusal += "".join(part.refusal for part in item.content if part.type == "refusal")
    if got.status == "incomplete":
        reasons = {"max_output_tokens": "max-tokens", "content_filter": "refused"}
        out.stop = reasons.get(got.incomplete_details.reason, "other")
    else:
        out.stop = "refused" if out.refusal else "tool-use" if out.tool_calls else "end-turn"
    if (usage := got.usage) is not None:
        out.count(
            usage.input_tokens,
            usage.output_tokens,
            usage.input_tokens_details.cached_tokens,
            usage.output_tokens_details.reasoning_tokens,
        )
    return out
