// Reading text files through wasi:filesystem. The engines have no file functions of their own.

import * as preopens from "wasi:filesystem/preopens@0.2.12";
import * as denials from "tollgate:plugin/denials@0.1.2";

const CHUNK_BYTES = 65536;
/** The most bytes of a file. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** The text of a file, UTF-8. What is thrown is a tool-error; a refusal carries the gate's reason. */
export function readText(path) {
  const [directory, name] = below(path);
  let file;
  try {
    file = directory.openAt({ symlinkFollow: true }, name, {}, { read: true });
  } catch (error) {
    throw toolError(path, error);
  }
  let text = "";
  let at = 0;
  for (;;) {
    const [bytes, end] = file.read(CHUNK_BYTES, at);
    for (const byte of bytes) text += "%" + byte.toString(16).padStart(2, "0");
    at += bytes.length;
    if (at > FILE_BYTES_MAX) {
      throw { tag: "failed", val: `${path} has more than ${FILE_BYTES_MAX} bytes` };
    }
    if (end || bytes.length === 0) break;
  }
  try {
    return decodeURIComponent(text);
  } catch {
    throw { tag: "failed", val: `${path} is not UTF-8 text` };
  }
}

/** The mounted directory that holds a path, and the rest of the path. */
function below(path) {
  const mounts = preopens
    .getDirectories()
    .map(([directory, at]) => [directory, at.endsWith("/") ? at : `${at}/`])
    .filter(([, at]) => path.startsWith(at))
    .sort(([, a], [, b]) => b.length - a.length);
  if (mounts.length === 0) {
    throw { tag: "failed", val: `cannot read ${path}: the operator has mounted nothing there` };
  }
  const [directory, at] = mounts[0];
  return [directory, path.slice(at.length)];
}

/** An error code of wasi:filesystem as a tool-error. */
function toolError(path, error) {
  const code = error?.payload ?? error;
  if (code === "no-entry") return { tag: "not-found", val: `${path} does not exist` };
  const denial = denials.last();
  if (denial) return { tag: "denied", val: denial };
  return { tag: "failed", val: `cannot read ${path}: ${code?.message ?? code}` };
}
