"""`summarize` of plugins/example-python, for ACT."""

import json

import tables
from wit_world import exports
from wit_world.exports.tool_provider import ToolResult_Immediate
from wit_world.imports.act_core_types import Error, LocalizedString_Plain
from wit_world.imports.act_tools_types import (
    ContentPart,
    ListToolsResponse,
    ToolDefinition,
    ToolEvent_Content,
    ToolEvent_Error,
)

SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string", "description": "The CSV file."}},
    "required": ["path"],
    "additionalProperties": False,
}


def length(data: bytes, at: int) -> tuple[int, int]:
    """The number in the head of a CBOR item, and where what it counts begins."""
    short = data[at] & 31
    if short < 24:
        return short, at + 1
    size = 1 << (short - 24)
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def texts(data: bytes) -> dict[str, str]:
    """A CBOR map of texts."""
    count, at = length(data, 0)
    found = []
    for _ in range(2 * count):
        size, at = length(data, at)
        found.append(data[at : at + size].decode())
        at += size
    return dict(zip(found[::2], found[1::2]))


class ToolProvider(exports.ToolProvider):
    async def list_tools(self, metadata: list[tuple[str, bytes]]) -> ListToolsResponse:
        plain = LocalizedString_Plain("Counts the rows of a CSV file and says of each column what it holds.")
        return ListToolsResponse([], [ToolDefinition("summarize", plain, json.dumps(SCHEMA), [])])

    async def call_tool(
        self, name: str, arguments: bytes, metadata: list[tuple[str, bytes]]
    ) -> ToolResult_Immediate:
        path = texts(arguments)["path"]
        try:
            with open(path, encoding="utf-8") as file:
                found = tables.summarize(file.read())
        except (OSError, tables.BadTable) as error:
            plain = LocalizedString_Plain(f"{path}: {error}")
            return ToolResult_Immediate([ToolEvent_Error(Error("std:internal", plain, []))])
        part = ContentPart(json.dumps(found).encode(), "application/json", [])
        return ToolResult_Immediate([ToolEvent_Content(part)])
