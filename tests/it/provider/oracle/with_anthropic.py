"""Anthropic's Messages, with the `anthropic` package."""

import json

import anthropic

from contract import (
    OUTPUT_TOKENS,
    Completion,
    answer_schema,
    base64_of,
    decimal,
    failed,
    given,
    schema,
    sides,
    state,
    texts,
    with_images,
)

PATH = "/v1/messages"
PROVIDER = "anthropic"
VERSION_WITH_SAMPLING = "2023-06-01"


def client(url):
    return anthropic.Anthropic(api_key="test-key", base_url=url, max_retries=0)


def arguments(request):
    """The arguments of `messages.create`."""
    effort, output = request["options"]["effort"], request["options"]["output"]
    system = [message for message in request["messages"] if message["role"] == "system"]
    talk = [message for message in request["messages"] if message["role"] != "system"]
    # The API's version that the package speaks has no sampling any more; the one before it has, and can be asked for.
    sampling = given(temperature=decimal(request["temperature_milli"]), top_p=decimal(request["top_p_milli"]))
    return given(
        model=request["model"],
        max_tokens=request["output_tokens_max"] or OUTPUT_TOKENS,
        system=[text_block(text) for message in system if (text := "\n".join(texts(message)))],
        messages=[{"role": role, "content": content} for role, content in sides(map(said, talk))],
        tools=[tool(spec) for spec in request["tools"]],
        tool_choice=tool_choice(request["tool_choice"]),
        stop_sequences=request["stop"],
        thinking=effort and {"type": "disabled" if effort == "off" else "adaptive"},
        output_config=given(
            effort=None if effort == "off" else effort,
            format=output and {"type": "json_schema", "schema": answer_schema(output)},
        ) or None,
        extra_body=sampling or None,
        extra_headers={"anthropic-version": VERSION_WITH_SAMPLING} if sampling else None,
    )


def said(message):
    blocks = [block(one, images) for one, images in with_images(message["content"])]
    return message["role"], [one for one in blocks if one is not None]


def block(one, images):
    """A block; none for what the format has no place for: an empty text, reasoning without its state."""
    kind = one["type"]
    if kind == "text":
        return text_block(one["text"]) if one["text"] else None
    if kind == "image":
        return image(one)
    if kind == "tool-use":
        return {"type": "tool_use", "id": one["id"], "name": one["name"], "input": json.loads(one["arguments_json"])}
    if kind == "tool-result":
        text = [text_block(one["text"])] if one["text"] else []
        content = text + [image(picture) for picture in images]
        error = {"is_error": True} if one["is_error"] else {}
        return {"type": "tool_result", "tool_use_id": one["id"], **given(content=content), **error}
    kept = state(one, PROVIDER) if kind == "opaque" else None
    return kept and json.loads(kept)


def text_block(text):
    return {"type": "text", "text": text}


def image(one):
    return {"type": "image", "source": {"type": "base64", "media_type": one["media_type"], "data": base64_of(one)}}


def tool(spec):
    return {"name": spec["name"], "input_schema": schema(spec), **given(description=spec["description"])}


def tool_choice(choice):
    if isinstance(choice, dict):
        return {"type": "tool", "name": choice["tool"]}
    return {"auto": None, "none": {"type": "none"}, "required": {"type": "any"}}[choice]


def send(sdk, request):
    if request["stream"]:
        list(sdk.messages.create(**arguments(request), stream=True))
    else:
        sdk.messages.create(**arguments(request))


ANSWER = {"id": "m", "type": "message", "role": "assistant", "model": "m-1", "content": [], "stop_reason": "end_turn",
          "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
EVENTS = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def complete(sdk, stream):
    asked = {"model": "m-1", "max_tokens": 1024, "messages": [{"role": "user", "content": "Hello."}]}
    if not stream:
        return completion(sdk.messages.create(**asked))
    whole = False
    with sdk.messages.stream(**asked) as events:
        for event in events:
            whole = whole or event.type == "message_stop"
        if not whole:
            return failed("unavailable", "the stream ended before the answer did")
        return completion(events.get_final_message())


STOPS = {
    "end_turn": "end-turn",
    "max_tokens": "max-tokens",
    "model_context_window_exceeded": "max-tokens",
    "stop_sequence": "stop-sequence",
    "tool_use": "tool-use",
    "refusal": "refused",
}


def completion(got):
    out = Completion(stop=STOPS.get(got.stop_reason, "other"))
    for part in got.content:
        if part.type == "text":
            out.text += part.text
        elif part.type == "thinking":
            out.thinking += part.thinking
        elif part.type == "tool_use":
            out.call(part.id, part.name, part.input)
    usage = got.usage
    cached = usage.cache_read_input_tokens or 0
    out.count(
        usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0),
        usage.output_tokens,
        cached,
        usage.output_tokens_details and usage.output_tokens_details.thinking_tokens,
    )
    return out


KINDS = {
    "authentication_error": "auth-expired",
    "permission_error": "auth-expired",
    "billing_error": "quota-exhausted",
    "rate_limit_error": "rate-limited",
    "overloaded_error": "overloaded",
    "request_too_large": "context-too-long",
    "invalid_request_error": "invalid-request",
    "not_found_error": "invalid-request",
    "timeout_error": "unavailable",
    "api_error": "unavailable",
}


def failure(error):
    """What an exception of the package means; none if it is another's."""
    if not isinstance(error, anthropic.APIError):
        return None
    body = error.body if isinstance(error.body, dict) else {}
    said = body.get("error") or {}
    kind = KINDS.get(said.get("type"), "unavailable")
    message = said.get("message", error.message)
    if kind == "invalid-request" and "prompt is too long" in message:
        kind = "context-too-long"
    if kind == "invalid-request" and "credit balance is too low" in message:
        kind = "quota-exhausted"
    return failed(kind, message)
