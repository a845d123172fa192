/** How is a document shown? As elements made one by one: no text of an issue is ever read as HTML. */
import { memo, useMemo, useState, type ReactNode } from "react";

import { tame } from "../parts/text";
import { readBlocks } from "./blocks";
import type { Block, Inline, Item } from "./tree";

const AT_FIRST = 120;

export const Markdown = memo(function Markdown({ text }: { text: string }): ReactNode {
  const all = useMemo(() => readBlocks(text), [text]);
  const [shown, show] = useState(AT_FIRST);
  return (
    <div className="prose" dir="auto">
      {all.slice(0, shown).map(drawBlock)}
      {all.length > shown && (
        <button type="button" className="quiet" onClick={() => show(shown * 4)}>
          Show more ({all.length - shown} further blocks)
        </button>
      )}
    </div>
  );
});

function drawBlock(block: Block, key: number): ReactNode {
  switch (block.kind) {
    case "paragraph":
      return <p key={key}>{drawInlines(block.content)}</p>;
    case "heading":
      return drawHeading(block, key);
    case "code":
      return (
        <pre key={key} tabIndex={0}>
          <code>{tame(block.text)}</code>
        </pre>
      );
    case "quote":
      return <blockquote key={key}>{block.content.map(drawBlock)}</blockquote>;
    case "list":
      return drawList(block, key);
    case "table":
      return drawTable(block, key);
    case "rule":
      return <hr key={key} />;
  }
}

function drawHeading(block: Block & { kind: "heading" }, key: number): ReactNode {
  const Tag = `h${Math.min(6, Math.max(4, block.level))}` as "h4" | "h5" | "h6";
  return <Tag key={key}>{drawInlines(block.content)}</Tag>;
}

function drawList(block: Block & { kind: "list" }, key: number): ReactNode {
  const items = block.items.map(drawItem);
  return block.start === null ? <ul key={key}>{items}</ul> : <ol key={key} start={block.start}>{items}</ol>;
}

function drawItem(item: Item, key: number): ReactNode {
  const [first, ...rest] = item.content;
  const isTight = first?.kind === "paragraph";
  return (
    <li key={key} className={item.done === null ? undefined : "task"}>
      {item.done !== null && <input type="checkbox" checked={item.done} disabled aria-label={item.done ? "done" : "open"} />}
      {isTight ? drawInlines(first.content) : first && drawBlock(first, 0)}
      {rest.map(drawBlock)}
    </li>
  );
}

function drawTable(block: Block & { kind: "table" }, key: number): ReactNode {
  return (
    <div key={key} className="table-scroll" tabIndex={0} role="region" aria-label="Table">
      <table>
        <thead>
          <tr>{block.head.map((cell, column) => <th key={column}>{drawInlines(cell)}</th>)}</tr>
        </thead>
        <tbody>
          {block.rows.map((row, number) => (
            <tr key={number}>{row.map((cell, column) => <td key={column}>{drawInlines(cell)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function drawInlines(content: Inline[]): ReactNode[] {
  return content.map(drawInline);
}

function drawInline(node: Inline, key: number): ReactNode {
  switch (node.kind) {
    case "text":
      return tame(node.text);
    case "code":
      return <code key={key}>{tame(node.text)}</code>;
    case "break":
      return <br key={key} />;
    case "styled": {
      const Tag = node.style;
      return <Tag key={key}>{drawInlines(node.content)}</Tag>;
    }
    case "link":
      return (
        <a key={key} href={node.href} target="_blank" rel="noreferrer noopener">
          {drawInlines(node.content)}
        </a>
      );
  }
}
