"""CSV summaries: the export `tollgate:plugin/tool` around `tables`."""

import json

import tables
from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import denials
from wit_world.imports.tool_types import (
    CallContext,
    OutputBlock_Json,
    ToolError_Denied,
    ToolError_Failed,
    ToolError_InvalidArguments,
    ToolError_NotFound,
    ToolHints,
    ToolOutput,
    ToolSpec,
)

FILE_BYTES_MAX = 16 * 1024 * 1024
"""The most bytes of a file."""

READ_ONLY = ToolHints(read_only=True, destructive=False, idempotent=True, open_world=False)
PATH = {"type": "string", "description": "The CSV file, such as /data/sales.csv."}


def spec(name: str, title: str, description: str, required: list[str], **properties: dict) -> ToolSpec:
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return ToolSpec(name, title, description, json.dumps(schema), None, READ_ONLY)


TOOLS = [
    spec(
        "summarize",
        "Summarize a table",
        "Counts the rows of a CSV file and says of each column what it holds: type, how many values, "
        "and for numbers the range, mean and median.",
        ["path"],
        path=PATH,
    ),
    spec(
        "group",
        "Group a table",
        "Counts the rows of a CSV file for each value of a column, with sum and mean of another column.",
        ["path", "by"],
        path=PATH,
        by={"type": "string", "description": "The column whose values make the groups."},
        of={"type": "string", "description": "A column of numbers to sum; none if left out."},
    ),
]


def text(arguments: dict, name: str, required: bool = True) -> str | None:
    value = arguments.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str):
        raise Err(ToolError_InvalidArguments(f"{name}: a text is expected"))
    return value


def read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise Err(ToolError_NotFound(f"{path} does not exist"))
    except OSError as error:
        denial = denials.last()
        if denial is not None:
            raise Err(ToolError_Denied(denial))
        raise Err(ToolError_Failed(f"cannot read {path}: {error}"))
    if len(data) > FILE_BYTES_MAX:
        raise Err(ToolError_Failed(f"{path} has more than {FILE_BYTES_MAX} bytes"))
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Err(ToolError_Failed(f"{path} is not UTF-8 text"))


class Tool(exports.Tool):
    def list(self) -> list[ToolSpec]:
        return TOOLS

    def call(self, name: str, arguments_json: str, context: CallContext) -> ToolOutput:
        arguments = json.loads(arguments_json or "{}")
        if name not in {tool.name for tool in TOOLS}:
            raise Err(ToolError_NotFound(f"no tool is named {name!r}"))
        path = text(arguments, "path")
        try:
            if name == "summarize":
                found = tables.summarize(read(path))
            else:
                by, of = text(arguments, "by"), text(arguments, "of", required=False)
                found = tables.group(read(path), by, of)
        except tables.BadTable as error:
            raise Err(ToolError_Failed(f"{path}: {error}"))
        return ToolOutput([OutputBlock_Json(json.dumps(found))], False)
