"""Ollama's chat, with the `ollama` package."""

import json

import ollama

from contract import Completion, answer_schema, decimal, failed, given, marked, schema, texts, with_images

PATH = "/api/chat"


def client(url):
    return ollama.Client(host=url)


def arguments(request):
    """The arguments of `Client.chat`."""
    effort, output = request["options"]["effort"], request["options"]["output"]
    sampling = given(
        temperature=decimal(request["temperature_milli"]),
        top_p=decimal(request["top_p_milli"]),
        stop=request["stop"],
        num_predict=request["output_tokens_max"],
    )
    # There is no tool choice; who wants no tool names none.
    tools = [] if request["tool_choice"] == "none" else request["tools"]
    return given(
        model=request["model"],
        messages=[turn for message in request["messages"] for turn in turns(message)],
        tools=[tool(spec) for spec in tools],
        think=False if effort == "off" else effort,
        format=output and answer_schema(output),
        options=sampling or None,
    )


def turns(message):
    role, text = message["role"], "\n".join(texts(message))
    if role == "user":
        return user(message, text)
    if role == "system":
        return [ollama.Message(role=role, content=text)]
    calls = [call(block) for block in message["content"] if block["type"] == "tool-use"]
    thinking = "".join(block["text"] for block in message["content"] if block["type"] == "thinking")
    if not (text or calls or thinking):
        return []
    return [ollama.Message(role=role, content=text, **given(thinking=thinking, tool_calls=calls))]


def call(block):
    function = ollama.Message.ToolCall.Function(name=block["name"], arguments=json.loads(block["arguments_json"]))
    return ollama.Message.ToolCall(function=function)


def user(message, text):
    """Results first, each a message with its pictures; what else was said and shown in one after them."""
    results, pictures = [], []
    for block, images in with_images(message["content"]):
        if block["type"] == "tool-result":
            result = ollama.Message(role="tool", tool_name=block["name"], content=marked(block), **shown(images))
            results.append(result)
        elif block["type"] == "image":
            pictures.append(block)
    if not (text or pictures):
        return results
    return [*results, ollama.Message(role="user", content=text, **shown(pictures))]


def shown(pictures):
    """A message of any role may have pictures; the server takes them from all."""
    return given(images=[ollama.Image(value=bytes(one["data"])) for one in pictures])


def tool(spec):
    function = {"name": spec["name"], "description": spec["description"], "parameters": schema(spec)}
    return {"type": "function", "function": function}


def send(sdk, request):
    answer = sdk.chat(**arguments(request), stream=request["stream"])
    if request["stream"]:
        list(answer)


ANSWER = {"model": "m-1", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": "ok"},
          "done": True, "done_reason": "stop"}
EVENTS = json.dumps(ANSWER).encode() + b"\n"


def complete(sdk, stream):
    answer = sdk.chat(model="m-1", messages=[{"role": "user", "content": "Hello."}], stream=stream)
    # The package has no helper that accumulates: a stream is a list of answers, each with the next piece.
    return completion(list(answer) if stream else [answer])


def completion(answers):
    out = Completion()
    for answer in answers:
        out.text += answer.message.content or ""
        out.thinking += answer.message.thinking or ""
        for asked in answer.message.tool_calls or []:
            # The package drops the id.
            out.call(None, asked.function.name, dict(asked.function.arguments))
    last = answers[-1] if answers else None
    if last is None or not last.done:
        return failed("unavailable", "the stream ended before the answer did")
    stop = {"stop": "end-turn", "length": "max-tokens"}.get(last.done_reason, "other")
    out.stop = "tool-use" if out.tool_calls and stop == "end-turn" else stop
    out.count(last.prompt_eval_count, last.eval_count)
    return out


def failure(error):
    """What an exception of the package means; none if it is another's."""
    if not isinstance(error, ollama.ResponseError):
        return None
    status = error.status_code
    if status in (401, 403):
        kind = "auth-expired"
    elif status == 429:
        kind = "rate-limited"
    elif status == 503:
        kind = "overloaded"
    else:
        kind = "invalid-request" if 400 <= status < 500 else "unavailable"
    return failed(kind, error.error)
