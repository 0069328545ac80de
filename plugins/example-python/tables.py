"""Tables of CSV text: no host, no files, so that it is tested with plain Python."""

import csv
import io
import statistics

ROWS_MAX = 200_000
"""Rows that are read of one file."""
GROUPS_MAX = 100
"""Groups that an answer names."""


class BadTable(Exception):
    """The text is no table, or the column is not in it."""


def read(text: str) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows. The delimiter is found among comma, semicolon, tab and bar."""
    sample = text[:8192]
    try:
        dialect = csv.Sniffer().sniff(sample, delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    reader = csv.DictReader(io.StringIO(text), dialect=dialect)
    header = reader.fieldnames
    if not header:
        raise BadTable("it has no header line")
    rows = []
    for row in reader:
        if len(rows) == ROWS_MAX:
            raise BadTable(f"it has more than {ROWS_MAX} rows")
        rows.append({name: (row.get(name) or "").strip() for name in header})
    return list(header), rows


def numbers(rows: list[dict[str, str]], column: str) -> list[float] | None:
    """The column's values as numbers; none where one of them is no number."""
    values = [row[column] for row in rows if row[column]]
    try:
        return [float(value) for value in values] or None
    except ValueError:
        return None


def summarize(text: str) -> dict:
    """What a reader wants to know of a table at first sight."""
    header, rows = read(text)
    return {
        "rows": len(rows),
        "columns": [column(rows, name) for name in header],
    }


def column(rows: list[dict[str, str]], name: str) -> dict:
    filled = [row[name] for row in rows if row[name]]
    about = {"name": name, "filled": len(filled), "distinct": len(set(filled))}
    found = numbers(rows, name)
    if found is None:
        return about | {"type": "text"}
    return about | {
        "type": "number",
        "min": tidy(min(found)),
        "max": tidy(max(found)),
        "mean": tidy(statistics.fmean(found)),
        "median": tidy(statistics.median(found)),
    }


def group(text: str, by: str, of: str | None) -> dict:
    """How many rows each value of `by` has, and the sum and mean of `of` in them."""
    header, rows = read(text)
    for name in filter(None, (by, of)):
        if name not in header:
            raise BadTable(f"there is no column {name!r}; there are {', '.join(header)}")
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row[by], []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    answer = {"groups": [one(value, members, of) for value, members in ordered[:GROUPS_MAX]]}
    if len(ordered) > GROUPS_MAX:
        answer["left_out"] = len(ordered) - GROUPS_MAX
    return answer


def one(value: str, rows: list[dict[str, str]], of: str | None) -> dict:
    about = {"value": value, "rows": len(rows)}
    if of is None:
        return about
    found = numbers(rows, of)
    if found is None:
        raise BadTable(f"the column {of!r} holds what is no number")
    return about | {"sum": tidy(sum(found)), "mean": tidy(statistics.fmean(found))}


def tidy(number: float) -> float | int:
    """Six digits are enough; whole numbers are written whole."""
    rounded = round(number, 6)
    return int(rounded) if rounded == int(rounded) else rounded
