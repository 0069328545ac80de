// Markdown tools: the export `tollgate:plugin/tool` around `markdown.js`.

import { readText } from "./files.js";
import { csv, outline, section, table } from "./markdown.js";

/** Rows that a table may have. */
const ROWS_MAX = 1000;

const text = (description) => ({ type: "string", description });

function spec(name, title, description, required, properties) {
  return {
    name,
    title,
    description,
    inputSchemaJson: JSON.stringify({ type: "object", properties, required, additionalProperties: false }),
    outputSchemaJson: null,
    hints: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
  };
}

const tools = [
  spec("outline", "Outline", "Lists the headings of a Markdown file with their line numbers.", ["path"], {
    path: text("The Markdown file, such as /docs/guide.md."),
    level_max: { type: "integer", minimum: 1, maximum: 6, description: "The deepest level; 6 if left out." },
  }),
  spec("section", "Section", "Gives one section of a Markdown file, its heading first.", ["path", "title"], {
    path: text("The Markdown file, such as /docs/guide.md."),
    title: text("The heading's text; upper and lower case are the same."),
  }),
  spec("table", "Table", "Makes an aligned Markdown table of CSV text; the first line is the header.", ["csv"], {
    csv: text("The CSV text (RFC 4180)."),
  }),
];

function argument(args, name) {
  if (typeof args[name] !== "string") {
    throw { tag: "invalid-arguments", val: `${name}: a text is expected` };
  }
  return args[name];
}

function levelMax(args) {
  const level = args.level_max ?? 6;
  if (!Number.isInteger(level) || level < 1 || level > 6) {
    throw { tag: "invalid-arguments", val: "level_max: is from 1 to 6" };
  }
  return level;
}

function run(name, args) {
  switch (name) {
    case "outline":
      return outline(readText(argument(args, "path")), levelMax(args)) || "there is no heading";
    case "section": {
      const title = argument(args, "title");
      const found = section(readText(argument(args, "path")), title);
      if (found === null) throw { tag: "not-found", val: `${args.path} has no section ${JSON.stringify(title)}` };
      return found;
    }
    case "table": {
      const rows = csv(argument(args, "csv"));
      if (rows.length === 0) throw { tag: "invalid-arguments", val: "csv: there is no line" };
      if (rows.length > ROWS_MAX) throw { tag: "invalid-arguments", val: `csv: more than ${ROWS_MAX} lines` };
      return table(rows);
    }
    default:
      throw { tag: "not-found", val: `no tool is named ${name}` };
  }
}

export const tool = {
  list: () => tools,
  call: (name, argumentsJson) => ({
    content: [{ tag: "text", val: run(name, JSON.parse(argumentsJson || "{}")) }],
    isError: false,
  }),
};
