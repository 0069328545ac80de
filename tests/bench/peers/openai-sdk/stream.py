"""OpenAI's own package as a peer: asks a server for streams and says how they went.

usage: stream.py BASE_URL

Reads lines of JSON, {"sessions": …, "model": …}: so many streams at once, each of this model. Prints for each a
line {"first_us": […], "seconds": …, "tokens": …, "peak_kib": …}: how long each waited for its first token, how long
all took, what came, and the most memory that this process has had.
"""

import asyncio
import json
import resource
import sys
import time

from openai import AsyncOpenAI, OpenAI

MESSAGES = [{"role": "user", "content": "Hello."}]


def request(model):
    return {"model": model, "messages": MESSAGES, "stream": True}


def words(chunk):
    return chunk.choices and chunk.choices[0].delta.content


def one(client, model):
    started, first, count = time.perf_counter(), None, 0
    for chunk in client.chat.completions.create(**request(model)):
        if words(chunk):
            first = first or time.perf_counter() - started
            count += 1
    return first, count


async def one_of_many(client, model):
    started, first, count = time.perf_counter(), None, 0
    async for chunk in await client.chat.completions.create(**request(model)):
        if words(chunk):
            first = first or time.perf_counter() - started
            count += 1
    return first, count


async def many(client, sessions, model):
    return await asyncio.gather(*(one_of_many(client, model) for _ in range(sessions)))


def main():
    (base_url,) = sys.argv[1:]
    options = {"base_url": base_url, "api_key": "none", "max_retries": 0, "timeout": 600}
    alone, together = OpenAI(**options), AsyncOpenAI(**options)
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            asked = json.loads(line)
            sessions, model = asked["sessions"], asked["model"]
            started = time.perf_counter()
            if sessions == 1:
                streams = [one(alone, model)]
            else:
                streams = runner.run(many(together, sessions, model))
            said = {
                "first_us": [first * 1e6 for first, _ in streams],
                "seconds": time.perf_counter() - started,
                "tokens": sum(count for _, count in streams),
                "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            }
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
