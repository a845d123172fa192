/** How are the lines of a document read as blocks? Line by line; what is nested too deep stays text. Never throws. */
import { readInlines } from "./inlines";
import type { Block, Inline, Item } from "./tree";

const FENCE = /^ {0,3}(`{3,}|~{3,}) {0,3}([^`\s]{0,40})[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+|$)/;
const MARKER = /^( {0,3})([-*+]|\d{1,9}[.)])(?: {1,4}(?=\S)|$| )/;
const TASK = /^\[([ xX])\] /;
const DEEPEST = 12;

export function readBlocks(markdown: string): Block[] {
  return blocks(markdown.replaceAll("\r\n", "\n").split("\n"), 0);
}

function blocks(lines: string[], depth: number): Block[] {
  const out: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    if (!line.trim()) {
      at += 1;
      continue;
    }
    const [block, next] = block_(lines, at, depth);
    out.push(block);
    at = next;
  }
  return out;
}

type Read = [Block, number];

function block_(lines: string[], at: number, depth: number): Read {
  const line = lines[at] ?? "";
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence[1] ?? "```", fence[2] ?? "");
  if (HEADING.test(line)) return [heading(line), at + 1];
  if (isRule(line)) return [{ kind: "rule" }, at + 1];
  if (depth < DEEPEST && isQuote(line)) return quote(lines, at, depth);
  if (depth < DEEPEST && MARKER.test(line)) return list(lines, at, depth);
  if (isTable(lines, at)) return table(lines, at);
  return paragraph(lines, at, depth);
}

function isQuote(line: string): boolean {
  return /^ {0,3}>/.test(line);
}

function isRule(line: string): boolean {
  const bare = line.replaceAll(/[ \t]/g, "");
  return bare.length >= 3 && /^ {0,3}[-*_]/.test(line) && /^(?:-+|\*+|_+)$/.test(bare);
}

function code(lines: string[], at: number, fence: string, language: string): Read {
  const close = fence.charAt(0);
  let end = at + 1;
  while (end < lines.length) {
    const bare = (lines[end] ?? "").trim();
    if (bare.length >= fence.length && bare === close.repeat(bare.length)) break;
    end += 1;
  }
  return [{ kind: "code", language, text: lines.slice(at + 1, end).join("\n") }, end + 1];
}

function heading(line: string): Block {
  const bare = line.trimStart();
  const level = /^#+/.exec(bare)?.[0].length ?? 1;
  const text = bare.slice(level).trim();
  const closing = /(?<![\\#])#+$/.exec(text);
  const cut = closing && (closing.index === 0 || text.charAt(closing.index - 1) === " ") ? text.slice(0, closing.index) : text;
  return { kind: "heading", level, content: readInlines(cut.trim()) };
}

function quote(lines: string[], at: number, depth: number): Read {
  let end = at;
  while (end < lines.length && isQuote(lines[end] ?? "")) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(/^ {0,3}> ?/, ""));
  return [{ kind: "quote", content: blocks(inner, depth + 1) }, end];
}

function list(lines: string[], at: number, depth: number): Read {
  const first = MARKER.exec(lines[at] ?? "");
  const mark = first?.[2] ?? "-";
  const kind = mark.slice(-1);
  const items: Item[] = [];
  let next = at;
  for (;;) {
    const found = next < lines.length ? MARKER.exec(lines[next] ?? "") : null;
    if (!found || (found[2] ?? "").slice(-1) !== kind || isRule(lines[next] ?? "")) break;
    const end = endOfItem(lines, next, found[0].length || 2);
    items.push(item(lines.slice(next, end), found[0].length, depth));
    next = end;
    while (next < lines.length && !(lines[next] ?? "").trim()) next += 1;
  }
  return [{ kind: "list", start: /\d/.test(mark) ? parseInt(mark, 10) : null, items }, next];
}

function endOfItem(lines: string[], at: number, width: number): number {
  let end = at + 1;
  let blank = false;
  while (end < lines.length) {
    const line = lines[end] ?? "";
    const isBlank = !line.trim();
    if (!isBlank && indent(line) < width && (blank || startsBlock(lines, end))) break;
    blank = isBlank;
    end += 1;
  }
  return end;
}

function item(lines: string[], width: number, depth: number): Item {
  const inner = lines.map((line, number) => (number ? line.slice(Math.min(width, indent(line))) : line.slice(width)));
  const task = TASK.exec(inner[0] ?? "");
  if (task) inner[0] = (inner[0] ?? "").slice(4);
  return { done: task ? task[1] !== " " : null, content: blocks(inner, depth + 1) };
}

function indent(line: string): number {
  return line.length - line.trimStart().length;
}

function startsBlock(lines: string[], at: number): boolean {
  const line = lines[at] ?? "";
  return HEADING.test(line) || FENCE.test(line) || isRule(line) || isQuote(line) || MARKER.test(line) || isTable(lines, at);
}

function paragraph(lines: string[], at: number, depth: number): Read {
  let end = at + 1;
  while (end < lines.length && (lines[end] ?? "").trim() && (depth >= DEEPEST || !startsBlock(lines, end))) end += 1;
  const text = lines.slice(at, end).map((line) => line.trimStart());
  return [{ kind: "paragraph", content: readInlines(text.join("\n")) }, end];
}

function isTable(lines: string[], at: number): boolean {
  const head = lines[at] ?? "";
  const under = lines[at + 1] ?? "";
  if (!head.includes("|") || !under.includes("-") || !/^[\s|:-]+$/.test(under)) return false;
  return cells(under).length === cells(head).length && cells(under).every((cell) => /^:?-+:?$/.test(cell));
}

function table(lines: string[], at: number): Read {
  const head = cells(lines[at] ?? "").map(readInlines);
  const rows: Inline[][][] = [];
  let end = at + 2;
  while (end < lines.length && (lines[end] ?? "").includes("|")) {
    const row = cells(lines[end] ?? "").map(readInlines);
    rows.push(head.map((_, column) => row[column] ?? []));
    end += 1;
  }
  return [{ kind: "table", head, rows }, end];
}

/** A row's cells; a bar behind a backslash is a character of its cell. */
function cells(line: string): string[] {
  const out: string[] = [];
  let cell = "";
  for (let at = 0; at < line.length; at += 1) {
    const one = line.charAt(at);
    if (one === "\\" && line.charAt(at + 1) === "|") {
      cell += "|";
      at += 1;
    } else if (one === "\\") {
      cell += one + line.charAt(at + 1);
      at += 1;
    } else if (one === "|") {
      out.push(cell.trim());
      cell = "";
    } else cell += one;
  }
  out.push(cell.trim());
  if (!out[0]) out.shift();
  if (!out.at(-1)) out.pop();
  return out;
}
