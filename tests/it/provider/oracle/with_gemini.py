"""Google's Gemini, with the `google-genai` package."""

import base64
import json

from google import genai
from google.genai import errors, types

from contract import Completion, answer_schema, decimal, failed, given, schema, sides, state, texts

PATH = "/v1beta/models/m-1:"
PROVIDER = "gemini"
# What Google names for the first call of a turn that no model of its own has signed.
UNSIGNED = base64.urlsafe_b64decode("skip_thought_signature_validator")
CHOICES = {"none": "NONE", "required": "ANY"}


def client(url):
    options = types.HttpOptions(base_url=url, api_version="v1beta")
    return genai.Client(api_key="test-key", vertexai=False, http_options=options)


def arguments(request):
    """The arguments of `models.generate_content`."""
    talk = [message for message in request["messages"] if message["role"] != "system"]
    contents = [types.Content(role=role, parts=parts) for role, parts in sides(map(said, talk))]
    return {"model": request["model"], "contents": contents, "config": types.GenerateContentConfig(**config(request))}


def config(request):
    output = request["options"]["output"]
    system = [message for message in request["messages"] if message["role"] == "system"]
    return given(
        system_instruction=[text for message in system if (text := "\n".join(texts(message)))],
        tools=request["tools"] and [types.Tool(function_declarations=[tool(spec) for spec in request["tools"]])],
        tool_config=tool_config(request["tool_choice"]),
        temperature=decimal(request["temperature_milli"]),
        top_p=decimal(request["top_p_milli"]),
        stop_sequences=request["stop"],
        max_output_tokens=request["output_tokens_max"],
        response_mime_type=output and "application/json",
        response_json_schema=output and answer_schema(output),
        thinking_config=thinking(request["options"]["effort"]),
    )


def thinking(effort):
    if effort is None:
        return None
    if effort == "off":
        return types.ThinkingConfig(thinking_level="MINIMAL")
    return types.ThinkingConfig(include_thoughts=True, thinking_level=effort.upper())


def said(message):
    """A message's side and its parts. A state holds the parts behind the block before it, and takes its place."""
    parts, signed, before = [], False, None
    for block in message["content"]:
        if block["type"] == "opaque":
            kept = state(block, PROVIDER)
            if kept is not None:
                parts = [one for one in parts if one is not before]
                parts += [as_it_came(part) for part in json.loads(kept)["parts"]]
                signed = True
            continue
        before = part(block)
        if before is None:
            continue
        if before.function_call and not signed:
            before.thought_signature, signed = UNSIGNED, True
        parts.append(before)
    return "model" if message["role"] == "assistant" else "user", parts


def as_it_came(part):
    return types.Part.model_validate_json(json.dumps(part))


def part(block):
    """A part; none for reasoning without its state and for an empty text."""
    kind = block["type"]
    if kind == "text":
        return types.Part(text=block["text"]) if block["text"] else None
    if kind == "image":
        return types.Part.from_bytes(data=bytes(block["data"]), mime_type=block["media_type"])
    if kind == "tool-use":
        call = types.FunctionCall(id=block["id"], name=block["name"], args=json.loads(block["arguments_json"]))
        return types.Part(function_call=call)
    if kind == "tool-result":
        said = {"error" if block["is_error"] else "output": block["text"]}
        return types.Part(function_response=types.FunctionResponse(id=block["id"], name=block["name"], response=said))
    return None


def tool(spec):
    return types.FunctionDeclaration(
        name=spec["name"], description=spec["description"], parameters_json_schema=schema(spec)
    )


def tool_config(choice):
    if choice == "auto":
        return None
    named = {"mode": "ANY", "allowed_function_names": [choice["tool"]]} if isinstance(choice, dict) else None
    calling = types.FunctionCallingConfig(**(named or {"mode": CHOICES[choice]}))
    return types.ToolConfig(function_calling_config=calling)


def send(sdk, request):
    if request["stream"]:
        list(sdk.models.generate_content_stream(**arguments(request)))
    else:
        sdk.models.generate_content(**arguments(request))


ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "ok"}]}, "finishReason": "STOP"}]}
EVENTS = b"data: %b\n\n" % json.dumps(ANSWER).encode()


def complete(sdk, stream):
    asked = {"model": "m-1", "contents": "Hello."}
    # The package has no helper that accumulates: a stream is a list of answers, each with the next parts.
    answers = list(sdk.models.generate_content_stream(**asked)) if stream else [sdk.models.generate_content(**asked)]
    return completion(answers)


STOPS = {"STOP": "end-turn", "MAX_TOKENS": "max-tokens"}
REFUSALS = {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"}


def completion(answers):
    out, finish, usage = Completion(), None, None
    for answer in answers:
        usage = answer.usage_metadata or usage
        if answer.prompt_feedback and answer.prompt_feedback.block_reason:
            return failed("refused", answer.prompt_feedback.block_reason.value)
        for candidate in answer.candidates or []:
            finish = candidate.finish_reason.value if candidate.finish_reason else finish
            for part in (candidate.content and candidate.content.parts) or []:
                take(out, part)
    if finish is None:
        return failed("unavailable", "the stream ended before the answer did")
    if finish == "MALFORMED_FUNCTION_CALL":
        return failed("unavailable", finish)
    out.stop = "refused" if finish in REFUSALS else STOPS.get(finish, "other")
    if out.stop == "end-turn" and out.tool_calls:
        out.stop = "tool-use"
    if usage is not None:
        thoughts = usage.thoughts_token_count or 0
        out.count(
            usage.prompt_token_count,
            (usage.candidates_token_count or 0) + thoughts,
            usage.cached_content_token_count,
            thoughts,
        )
    return out


def take(out, part):
    if part.function_call:
        out.call(part.function_call.id, part.function_call.name, part.function_call.args or {})
    elif part.text and part.thought:
        out.thinking += part.text
    elif part.text:
        out.text += part.text


KINDS = {
    "UNAUTHENTICATED": "auth-expired",
    "PERMISSION_DENIED": "auth-expired",
    "RESOURCE_EXHAUSTED": "rate-limited",
    "UNAVAILABLE": "overloaded",
    "INVALID_ARGUMENT": "invalid-request",
    "NOT_FOUND": "invalid-request",
    "FAILED_PRECONDITION": "invalid-request",
}


def failure(error):
    """What an exception of the package means; none if it is another's."""
    if isinstance(error, errors.APIError):
        return failed(KINDS.get(error.status, "unavailable"), error.message)
    return failed("unavailable", "not the format") if isinstance(error, errors.UnknownApiResponseError) else None
