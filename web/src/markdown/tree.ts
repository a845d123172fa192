/** What is a document's markdown made of? The few shapes that the product writes; nothing in them is markup to a browser. */

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "break" }
  | { kind: "styled"; style: Style; content: Inline[] }
  | { kind: "link"; href: string; content: Inline[] };

export type Style = "strong" | "em" | "s" | "u" | "sub" | "sup";

export type Block =
  | { kind: "paragraph"; content: Inline[] }
  | { kind: "heading"; level: number; content: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; content: Block[] }
  | { kind: "list"; start: number | null; items: Item[] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

export interface Item {
  done: boolean | null;
  content: Block[];
}
