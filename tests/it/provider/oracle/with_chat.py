"""OpenAI's Chat Completions, with the `openai` package."""

import json

import openai

from contract import Completion, answer_schema, data_url, decimal, failed, given, marked, schema, texts, with_images
from openai_errors import error_kind, words

PATH = "/v1/chat/completions"


def client(url):
    return openai.OpenAI(api_key="test-key", base_url=f"{url}/v1", max_retries=0)


def arguments(request):
    """The arguments of `chat.completions.create`."""
    effort, output = request["options"]["effort"], request["options"]["output"]
    return given(
        model=request["model"],
        messages=[turn for message in request["messages"] for turn in turns(message)],
        tools=[tool(spec) for spec in request["tools"]],
        tool_choice=tool_choice(request["tool_choice"]),
        temperature=decimal(request["temperature_milli"]),
        top_p=decimal(request["top_p_milli"]),
        stop=request["stop"],
        max_completion_tokens=request["output_tokens_max"],
        reasoning_effort="none" if effort == "off" else effort,
        response_format=output and {
            "type": "json_schema",
            "json_schema": {"name": output["name"], "schema": answer_schema(output), "strict": True},
        },
    )


def turns(message):
    if message["role"] == "system":
        return [{"role": "system", "content": "\n".join(texts(message))}]
    return assistant(message) if message["role"] == "assistant" else user(message)


def assistant(message):
    calls = [
        {
            "id": block["id"],
            "type": "function",
            "function": {"name": block["name"], "arguments": block["arguments_json"]},
        }
        for block in message["content"]
        if block["type"] == "tool-use"
    ]
    text = "\n".join(texts(message))
    if not text and not calls:
        return []
    return [{"role": "assistant", "content": text or None, **given(tool_calls=calls)}]


def user(message):
    """Results first, each a message; then one with their pictures, whose they are, and what else was said."""
    results, shown, parts = [], [], []
    for block, images in with_images(message["content"]):
        if block["type"] == "tool-result":
            results.append({"role": "tool", "tool_call_id": block["id"], "content": marked(block)})
            if images:
                shown += [text_part(f"Images of the result of {block['id']}:"), *map(image, images)]
        elif block["type"] == "text":
            parts.append(text_part(block["text"]))
        elif block["type"] == "image":
            parts.append(image(block))
    if not shown + parts:
        return results
    only_text = len(message["content"]) == 1 and parts[0]["type"] == "text"
    return [*results, {"role": "user", "content": parts[0]["text"] if only_text else shown + parts}]


def text_part(text):
    return {"type": "text", "text": text}


def image(block):
    return {"type": "image_url", "image_url": {"url": data_url(block)}}


def tool(spec):
    function = {"name": spec["name"], "description": spec["description"], "parameters": schema(spec)}
    return {"type": "function", "function": function}


def tool_choice(choice):
    if isinstance(choice, dict):
        return {"type": "function", "function": {"name": choice["tool"]}}
    return None if choice == "auto" else choice


def send(sdk, request):
    if request["stream"]:
        stream = sdk.chat.completions.create(
            **arguments(request), stream=True, stream_options={"include_usage": True}
        )
        list(stream)
    else:
        sdk.chat.completions.create(**arguments(request))


ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "m-1",
          "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}]}
EVENTS = b"data: [DONE]\n\n"


def complete(sdk, stream):
    messages = [{"role": "user", "content": "Hello."}]
    if stream:
        options = {"include_usage": True}
        with sdk.chat.completions.stream(model="m-1", messages=messages, stream_options=options) as events:
            for _ in events:
                pass
            # The final one cannot be had of an answer that was cut short, its snapshot can.
            got = events.current_completion_snapshot
    else:
        got = sdk.chat.completions.create(model="m-1", messages=messages)
    return completion(got)


def completion(got):
    out = Completion()
    choice = got.choices[0]
    if choice.finish_reason is None:
        return failed("unavailable", "the stream ended before the answer did")
    message = choice.message
    out.text = message.content or ""
    out.refusal = message.refusal or ""
    # Servers that speak the format, not OpenAI, put the reasoning here.
    out.thinking = getattr(message, "reasoning_content", None) or ""
    for call in message.tool_calls or []:
        out.call(call.id, call.function.name, json.loads(call.function.arguments or "{}"))
    out.stop = {"content_filter": "refused", "length": "max-tokens"}.get(choice.finish_reason) or (
        "refused" if out.refusal else "tool-use" if out.tool_calls else "end-turn"
    )
    if got.usage is not None:
        prompt, answer = got.usage.prompt_tokens_details, got.usage.completion_tokens_details
        out.count(
            got.usage.prompt_tokens,
            got.usage.completion_tokens,
            prompt and prompt.cached_tokens,
            answer and answer.reasoning_tokens,
        )
    return out


def failure(error):
    """What an exception of the package means; none if it is another's."""
    return failed(error_kind(error), words(error)) if isinstance(error, openai.APIError) else None
