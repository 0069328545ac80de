"""Scenarios with the official MCP client.

usage: client.py SCENARIO stdio|http legacy|auto

The environment says where things are: TOLLGATE (the binary), TOLLGATE_HOME, and for http URL and TOKEN.
Prints one JSON object with what was seen; a failed assertion is a failed test.
"""

import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager

import anyio
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

BINARY = os.environ["TOLLGATE"]
SEEN = {}


@asynccontextmanager
async def connect(transport, mode, handler=None):
    """A client that is connected."""
    if transport == "stdio":
        server = StdioServerParameters(command=BINARY, args=["mcp"], env=dict(os.environ))
        with open(os.environ["SERVER_STDERR"], "a") as talk:
            async with Client(stdio_client(server, errlog=talk), mode=mode, message_handler=handler) as client:
                yield client
    else:
        headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
        timeout = httpx2.Timeout(30, read=300)
        limits = httpx2.Limits(max_connections=200)
        async with httpx2.AsyncClient(headers=headers, timeout=timeout, limits=limits) as http:
            wire = streamable_http_client(os.environ["URL"], http_client=http)
            async with Client(wire, mode=mode, message_handler=handler) as client:
                yield client


def operator(*words):
    """The operator types a command."""
    done = subprocess.run([BINARY, *words], capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout


def text(result):
    return "\n".join(part.text for part in result.content if part.type == "text")


def record(result):
    return result.meta["tollgate/record"]


async def eventually(holds, what, seconds=20):
    with anyio.move_on_after(seconds):
        while not holds():
            await anyio.sleep(0.05)
        return
    raise AssertionError(f"never: {what}")


async def tour(transport, mode):
    """List, call, a denial, a grant of the operator's, and the same call again."""
    changes = []

    async def handler(message):
        if "list_changed" in getattr(message, "method", ""):
            changes.append(message.method)

    async with connect(transport, mode, handler) as client:
        SEEN["version"] = client.protocol_version
        SEEN["server"] = client.server_info.name
        SEEN["instructions"] = client.instructions
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        SEEN["tools"] = sorted(tools)
        read = tools["files__read"]
        assert read.input_schema["type"] == "object", read
        assert read.annotations.read_only_hint is True, read
        assert read.annotations.destructive_hint is False, read
        assert read.description.startswith("[words of plugin files] "), read

        allowed = await client.call_tool("files__read", {"path": "/near/note.txt"})
        assert not allowed.is_error and "all is well" in text(allowed), allowed
        SEEN["session"] = record(allowed)["session"]
        SEEN["allowed"] = record(allowed)

        denied = await client.call_tool("files__read", {"path": "/far/note.txt"})
        assert denied.is_error, denied
        SEEN["denied"] = text(denied)
        SEEN["denial"] = record(denied)["denial"]
        assert "tollgate grant" not in denied.model_dump_json(), denied

        async def granted():
            grant = f"fs.read {os.environ['FAR']} at /far"
            await anyio.to_thread.run_sync(operator, "grant", "add", "files", grant)

        if mode == "legacy":
            await anyio.sleep(1)
            await granted()
            await eventually(lambda: changes, "tools/list_changed")
        else:
            async with client.listen(tools_list_changed=True) as subscription:
                await anyio.sleep(1)
                await granted()
                with anyio.fail_after(20):
                    async for event in subscription:
                        changes.append(type(event).__name__)
                        break
        SEEN["changes"] = changes[:1]

        again = await client.call_tool("files__read", {"path": "/far/note.txt"})
        assert not again.is_error and "far away" in text(again), again

        for bad in [{"path": 7}, {"nonsense": 1}]:
            wrong = await client.call_tool("files__read", bad)
            assert wrong.is_error and "invalid arguments" in text(wrong), wrong
        try:
            unknown = await client.call_tool("files__nonsense", {})
            assert unknown.is_error, unknown
        except MCPError as error:
            SEEN["unknown"] = str(error)
        assert (await client.list_tools()).next_cursor is None


async def blocks(transport, mode):
    """Structured output, images, bytes."""
    async with connect(transport, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        described = tools["blocks__sum"]
        assert described.output_schema["properties"]["sum"], described
        assert "\u202e" not in described.description, described
        result = await client.call_tool("blocks__sum", {})
        assert result.structured_content == {"sum": 42}, result
        assert json.loads(text(result)) == {"sum": 42}, result
        broken = await client.call_tool("blocks__no_sum", {})
        assert broken.is_error and "promised structured output" in text(broken), broken
        every = await client.call_tool("blocks__all", {})
        assert not every.is_error, every
        SEEN["kinds"] = [part.type for part in every.content]
        assert every.content[1].mime_type == "image/png", every
        assert every.content[2].resource.blob == "AAH+/w==", every


async def parallel(transport, mode):
    """A hundred calls at once."""
    calls = []

    async def one(client):
        result = await client.call_tool("files__read", {"path": "/near/note.txt"})
        assert not result.is_error and "all is well" in text(result), result
        calls.append(record(result)["call"])

    async with connect(transport, mode) as client:
        await client.list_tools()
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(one, client)
    SEEN["calls"] = len(set(calls))


async def cancel(transport, mode):
    """A call that is cancelled, told of its progress until then; the next one is served."""
    progress = []

    async def told(done, total, message):
        progress.append([done, total, message])

    async with connect(transport, mode) as client:
        await client.list_tools()
        SEEN["session"] = record(await client.call_tool("files__read", {"path": "/near/note.txt"}))["session"]
        with anyio.move_on_after(7) as scope:
            await client.call_tool("endless_wait__attempt", {}, progress_callback=told)
        assert scope.cancelled_caught
        SEEN["progress"] = progress
        listed = ["receipt", "list", "--session", SEEN["session"], "--json"]
        after = await client.call_tool("files__read", {"path": "/near/note.txt"})
        assert not after.is_error, after
        SEEN["receipts"] = len(json.loads(operator(*listed))["receipts"])


SCENARIOS = {"tour": tour, "blocks": blocks, "parallel": parallel, "cancel": cancel}


def main():
    scenario, transport, mode = sys.argv[1:]
    play = SCENARIOS[scenario]

    async def run():
        with anyio.fail_after(120):
            await play(transport, mode)

    anyio.run(run)
    print(json.dumps(SEEN))


main()
