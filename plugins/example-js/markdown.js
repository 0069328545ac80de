// Markdown text: no host, no files, so that it is tested with any JavaScript.

/** The headings of a text, outside of code: level, title, line from 1. */
export function headings(text) {
  const found = [];
  let fence = null;
  text.split("\n").forEach((line, index) => {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark && fence === null) {
      fence = mark;
    } else if (mark && mark[0] === fence?.[0] && mark.length >= fence.length) {
      fence = null;
    } else if (fence === null) {
      const heading = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*\r?$/.exec(line);
      if (heading) found.push({ level: heading[1].length, title: heading[2], line: index + 1 });
    }
  });
  return found;
}

/** The outline as an indented list with line numbers. */
export function outline(text, levelMax) {
  return headings(text)
    .filter(({ level }) => level <= levelMax)
    .map(({ level, title, line }) => `${"  ".repeat(level - 1)}- ${title} (line ${line})`)
    .join("\n");
}

/** The lines of the section with that title, its heading first; null if there is none. */
export function section(text, title) {
  const all = headings(text);
  const at = all.findIndex((heading) => heading.title.toLowerCase() === title.toLowerCase());
  if (at < 0) return null;
  const next = all.slice(at + 1).find(({ level }) => level <= all[at].level);
  const lines = text.split("\n").slice(all[at].line - 1, next ? next.line - 1 : undefined);
  return lines.join("\n").trimEnd();
}

/** Rows as an aligned table; the first row is the header. */
export function table(rows) {
  const cells = rows.map((row) => row.map((cell) => cell.replace(/\|/g, "\\|").trim()));
  const columns = Math.max(...cells.map((row) => row.length));
  const width = (column) => Math.max(3, ...cells.map((row) => (row[column] ?? "").length));
  const widths = Array.from({ length: columns }, (_, column) => width(column));
  const line = (row) => `| ${widths.map((w, i) => (row[i] ?? "").padEnd(w)).join(" | ")} |`;
  const rule = `|${widths.map((w) => "-".repeat(w + 2)).join("|")}|`;
  const [head, ...rest] = cells;
  return [line(head), rule, ...rest.map(line)].join("\n");
}

/** The rows of CSV text (RFC 4180). */
export function csv(text) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[at + 1] === '"') (cell += c), at++;
      else quoted = false;
    } else if (c === '"' && cell === "") {
      quoted = true;
    } else if (c === ",") {
      row.push(cell), (cell = "");
    } else if (c === "\n") {
      row.push(cell.replace(/\r$/, "")), rows.push(row), (row = []), (cell = "");
    } else {
      cell += c;
    }
  }
  if (cell !== "" || row.length > 0) row.push(cell), rows.push(row);
  return rows.filter((cells) => cells.some((text) => text !== ""));
}
