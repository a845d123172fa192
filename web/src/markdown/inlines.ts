/** How is a paragraph read? One pass over its characters, then one over what may open and close a style. Linear; never throws. */
import { safeAddress } from "./address";
import type { Inline, Style } from "./tree";

const ESCAPABLE = /[!-/:-@[-`{-~]/;
const SPECIAL = /[\\`*_~[\]!<&\n]/g;
const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos|nbsp));/y;
const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const AUTOLINK = /<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]{0,4000})>/y;
const TAG = /<(\/?)(u|sub|sup|br)\s?\/?>/iy;
const BARE = /https?:\/\/[^\s<>"'`]{1,2000}/g;
const DEEPEST = 24;
/** So many runs of delimiters are looked at in one paragraph; those behind them are text. */
const MOST_RUNS = 3000;

type Piece =
  | { at: "node"; node: Inline }
  | { at: "run"; mark: string; length: number; opens: boolean; closes: boolean }
  | { at: "open"; start: number }
  | { at: "tag"; style: Style; closes: boolean };

export function readInlines(text: string): Inline[] {
  return withBareLinks(resolve(new Scanner(text).scan(), 0));
}

class Scanner {
  private readonly pieces: Piece[] = [];
  private place = 0;
  private readonly brackets: number[] = [];
  private runs = 0;

  constructor(private readonly text: string) {}

  scan(): Piece[] {
    while (this.place < this.text.length) {
      SPECIAL.lastIndex = this.place;
      const found = SPECIAL.exec(this.text);
      const end = found ? found.index : this.text.length;
      if (end > this.place) this.say(this.text.slice(this.place, end));
      this.place = end;
      if (found) this.special(found[0]);
    }
    return this.pieces;
  }

  private say(text: string): void {
    const last = this.pieces.at(-1);
    if (last?.at === "node" && last.node.kind === "text") last.node.text += text;
    else this.pieces.push({ at: "node", node: { kind: "text", text } });
  }

  private special(mark: string): void {
    if (mark === "\\") this.escaped();
    else if (mark === "`") this.code();
    else if (mark === "\n") this.newline();
    else if (mark === "*" || mark === "_" || mark === "~") this.run(mark);
    else if (mark === "[") this.bracket();
    else if (mark === "]") this.link();
    else if (mark === "<") this.angle();
    else if (mark === "&") this.entity();
    else this.one();
  }

  private one(): void {
    this.say(this.text.charAt(this.place));
    this.place += 1;
  }

  private escaped(): void {
    const next = this.text.charAt(this.place + 1);
    if (next === "\n") {
      this.pieces.push({ at: "node", node: { kind: "break" } });
      this.place += 2;
    } else if (ESCAPABLE.test(next)) {
      this.say(next);
      this.place += 2;
    } else this.one();
  }

  private newline(): void {
    const last = this.pieces.at(-1);
    if (last?.at === "node" && last.node.kind === "text" && last.node.text.endsWith("  ")) {
      last.node.text = last.node.text.trimEnd();
      this.pieces.push({ at: "node", node: { kind: "break" } });
    } else this.say("\n");
    this.place += 1;
    while (this.text.charAt(this.place) === " ") this.place += 1;
  }

  private code(): void {
    const length = this.runLength("`");
    const close = this.closingTicks(this.place + length, length);
    if (close < 0) {
      this.say("`".repeat(length));
      this.place += length;
      return;
    }
    let text = this.text.slice(this.place + length, close).replaceAll("\n", " ");
    if (text.length > 2 && text.startsWith(" ") && text.endsWith(" ") && text.trim()) text = text.slice(1, -1);
    this.pieces.push({ at: "node", node: { kind: "code", text } });
    this.place = close + length;
  }

  /** Where each length of backticks ends last, so that a search that must fail is not made. */
  private readonly lastTicks = new Map<number, number>();

  private closingTicks(from: number, length: number): number {
    if (!this.lastTicks.size) for (const found of this.text.matchAll(/`+/g)) this.lastTicks.set(found[0].length, found.index);
    if ((this.lastTicks.get(length) ?? -1) < from) return -1;
    const ticks = /`+/g;
    ticks.lastIndex = from;
    for (let found = ticks.exec(this.text); found; found = ticks.exec(this.text)) {
      if (found[0].length === length) return found.index;
    }
    return -1;
  }

  private runLength(mark: string): number {
    let end = this.place;
    while (this.text.charAt(end) === mark) end += 1;
    return end - this.place;
  }

  private run(mark: string): void {
    const length = this.runLength(mark);
    const before = this.text.charAt(this.place - 1) || " ";
    const after = this.text.charAt(this.place + length) || " ";
    this.place += length;
    this.runs += 1;
    const left = flanks(after, before);
    const right = flanks(before, after);
    const opens = left && (mark !== "_" || !right || isPunctuation(before));
    const closes = right && (mark !== "_" || !left || isPunctuation(after));
    if ((mark === "~" && length > 2) || length > 12 || (!opens && !closes) || this.runs > MOST_RUNS) this.say(mark.repeat(length));
    else this.pieces.push({ at: "run", mark, length, opens, closes });
  }

  private bracket(): void {
    this.brackets.push(this.pieces.length);
    const image = this.takesImageMark();
    this.pieces.push({ at: "open", start: this.place });
    if (image) this.brackets[this.brackets.length - 1] = this.pieces.length - 1;
    this.place += 1;
  }

  /** An image is shown as a link to it: nothing is loaded from elsewhere. */
  private takesImageMark(): boolean {
    const last = this.pieces.at(-1);
    if (this.text.charAt(this.place - 1) !== "!" || last?.at !== "node" || last.node.kind !== "text") return false;
    if (this.text.charAt(this.place - 2) === "\\" || !last.node.text.endsWith("!")) return false;
    last.node.text = last.node.text.slice(0, -1);
    return true;
  }

  private link(): void {
    const open = this.brackets.pop();
    const target = open === undefined ? null : this.target(this.place + 1);
    if (open === undefined || !target) {
      this.one();
      return;
    }
    const content = resolve(this.pieces.splice(open).slice(1), 0);
    const href = safeAddress(target.href);
    const label = content.length ? content : [{ kind: "text" as const, text: target.href }];
    if (href) this.pieces.push({ at: "node", node: { kind: "link", href, content: label.flatMap(withoutLinks) } });
    else for (const node of label) this.pieces.push({ at: "node", node });
    this.brackets.length = 0;
    this.place = target.end;
  }

  private target(from: number): { href: string; end: number } | null {
    if (this.text.charAt(from) !== "(") return null;
    const pattern = /\(\s{0,9}(?:<([^<>\n]{0,4000})>|([^\s<>()\\]{0,4000}(?:\([^\s<>()\\]{0,1000}\)[^\s<>()\\]{0,1000}){0,9}))(?:\s{1,9}"[^"\n]{0,1000}")?\s{0,9}\)/y;
    pattern.lastIndex = from;
    const found = pattern.exec(this.text);
    return found && { href: found[1] ?? found[2] ?? "", end: pattern.lastIndex };
  }

  private angle(): void {
    AUTOLINK.lastIndex = this.place;
    const auto = AUTOLINK.exec(this.text);
    if (auto?.[1]) {
      this.autolink(auto[1]);
      this.place = AUTOLINK.lastIndex;
      return;
    }
    TAG.lastIndex = this.place;
    const tag = TAG.exec(this.text);
    if (!tag?.[2]) {
      this.one();
      return;
    }
    const name = tag[2].toLowerCase();
    if (name === "br") this.pieces.push({ at: "node", node: { kind: "break" } });
    else this.pieces.push({ at: "tag", style: name as Style, closes: tag[1] === "/" });
    this.place = TAG.lastIndex;
  }

  private autolink(address: string): void {
    const href = safeAddress(address);
    const content: Inline[] = [{ kind: "text", text: address }];
    if (href) this.pieces.push({ at: "node", node: { kind: "link", href, content } });
    else this.say(address);
  }

  private entity(): void {
    ENTITY.lastIndex = this.place;
    const found = ENTITY.exec(this.text);
    if (!found) {
      this.one();
      return;
    }
    this.say(found[3] ? (NAMED[found[3]] ?? "") : character(parseInt(found[1] ?? found[2] ?? "", found[1] ? 10 : 16)));
    this.place = ENTITY.lastIndex;
  }
}

function character(code: number): string {
  return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : "\ufffd";
}

function isSpace(one: string): boolean {
  return /\s/u.test(one);
}

function isPunctuation(one: string): boolean {
  return /[\p{P}\p{S}]/u.test(one);
}

function flanks(inner: string, outer: string): boolean {
  return !isSpace(inner) && (!isPunctuation(inner) || isSpace(outer) || isPunctuation(outer));
}

function withoutLinks(node: Inline): Inline[] {
  return node.kind === "link" ? node.content : [node];
}

interface Opener {
  index: number;
  mark: string;
  length: number;
}

/** Pair what opens with what closes, innermost first; what has no partner is text. */
function resolve(pieces: Piece[], depth: number): Inline[] {
  const out: (Inline[] | null)[] = [];
  const openers: Opener[] = [];
  for (const piece of pieces) {
    if (piece.at === "node") out.push([piece.node]);
    else if (piece.at === "open") out.push([{ kind: "text", text: "[" }]);
    else if (piece.at === "tag") tag(piece, out, openers, depth);
    else run(piece, out, openers, depth);
  }
  return merged(out);
}

function tag(piece: Piece & { at: "tag" }, out: (Inline[] | null)[], openers: Opener[], depth: number): void {
  const mark = `<${piece.style}>`;
  if (!piece.closes) {
    openers.push({ index: out.length, mark, length: 1 });
    out.push([]);
    return;
  }
  const partner = lastOf(openers, mark);
  if (partner) wrap(partner, piece.style, out, openers, depth);
}

function run(piece: Piece & { at: "run" }, out: (Inline[] | null)[], openers: Opener[], depth: number): void {
  let left = piece.length;
  while (piece.closes && left > 0) {
    const partner = lastOf(openers, piece.mark);
    if (!partner) break;
    const used = Math.min(2, left, partner.length);
    const rest = partner.length - used;
    wrap(partner, styleOf(piece.mark, used), out, openers, depth);
    if (rest > 0) reopen(partner, rest, out, openers);
    left -= used;
  }
  if (left > 0 && piece.opens) {
    openers.push({ index: out.length, mark: piece.mark, length: left });
    out.push([{ kind: "text", text: piece.mark.repeat(left) }]);
  } else if (left > 0) out.push([{ kind: "text", text: piece.mark.repeat(left) }]);
}

function lastOf(openers: Opener[], mark: string): Opener | undefined {
  for (let index = openers.length - 1, looked = 0; index >= 0 && looked < 64; index -= 1, looked += 1) {
    if (openers[index]?.mark === mark) return openers[index];
  }
  return undefined;
}

function styleOf(mark: string, length: number): Style {
  if (mark === "~") return "s";
  return length === 2 ? "strong" : "em";
}

function wrap(partner: Opener, style: Style, out: (Inline[] | null)[], openers: Opener[], depth: number): void {
  const content = merged(out.splice(partner.index).slice(1));
  while (openers.length && openers[openers.length - 1] !== partner) openers.pop();
  openers.pop();
  const isDeep = depthOf(content) + depth >= DEEPEST;
  out.push(isDeep ? content : [{ kind: "styled", style, content }]);
}

/** What is left of a longer opener stands before what was just wrapped, and may still be closed. */
function reopen(partner: Opener, length: number, out: (Inline[] | null)[], openers: Opener[]): void {
  const wrapped = out.pop() ?? [];
  openers.push({ index: out.length, mark: partner.mark, length });
  out.push([{ kind: "text", text: partner.mark.repeat(length) }], wrapped);
}

const depths = new WeakMap<Inline[], number>();

function depthOf(content: Inline[]): number {
  const known = depths.get(content);
  if (known !== undefined) return known;
  const deepest = content.reduce((most, node) => Math.max(most, "content" in node ? 1 + depthOf(node.content) : 0), 0);
  depths.set(content, deepest);
  return deepest;
}

function merged(parts: (Inline[] | null)[]): Inline[] {
  const out: Inline[] = [];
  for (const node of parts.flatMap((part) => part ?? [])) {
    const last = out.at(-1);
    if (node.kind === "text" && last?.kind === "text") out[out.length - 1] = { kind: "text", text: last.text + node.text };
    else out.push(node);
  }
  return out;
}

/** Addresses that stand in the text as they are lead to where they say. */
function withBareLinks(nodes: Inline[]): Inline[] {
  return nodes.flatMap((node) => {
    if (node.kind === "styled") return [{ ...node, content: withBareLinks(node.content) }];
    return node.kind === "text" && node.text.includes("://") ? linked(node.text) : [node];
  });
}

function linked(text: string): Inline[] {
  const out: Inline[] = [];
  let place = 0;
  for (const found of text.matchAll(BARE)) {
    const shown = found[0].replace(/[.,;:!?)\]]{1,9}$/, "");
    const href = safeAddress(shown);
    if (!href) continue;
    if (found.index > place) out.push({ kind: "text", text: text.slice(place, found.index) });
    out.push({ kind: "link", href, content: [{ kind: "text", text: shown }] });
    place = found.index + shown.length;
  }
  if (place < text.length) out.push({ kind: "text", text: text.slice(place) });
  return out;
}
