// What an agent does, in one line: the tool of a log entry and what it was called with.

import { inert } from "./inert.js";

/** The fields of a tool's input that tell most, the most telling first. */
const TELLING = ["path", "file_path", "filepath", "file", "filename", "command", "query", "pattern", "url", "branch", "title", "description"];
const LONGEST = 160;

/** @returns {{tool: string, target: string} | null} null if the entry is no call of a tool */
export function stepOf({ tool_name: tool, tool_input: input }) {
  if (!tool) return null;
  return { tool: inert(tool.slice(0, 60)), target: targetOf(input) };
}

/** "app/checkout.py"; empty if the input has none of the known fields. */
function targetOf(input) {
  if (typeof input !== "object" || input === null) return "";
  const found = TELLING.map((name) => input[name]).find((each) => typeof each === "string" && each.trim() !== "");
  if (!found) return "";
  const [line] = found.slice(0, 4 * LONGEST).trim().split("\n", 1);
  return inert(line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line);
}
