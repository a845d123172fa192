/** Is a document's markdown read as it was written, whatever an issue says, and in time that grows with its length? */
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";

import { safeAddress } from "../src/markdown/address";
import { readBlocks } from "../src/markdown/blocks";
import { commentsOf, partsOf } from "../src/markdown/document";
import { readInlines } from "../src/markdown/inlines";
import { Markdown } from "../src/markdown/Markdown";

const shown = (text: string): string =>
  renderToStaticMarkup(createElement(Markdown, { text })).replace(/^<div class="prose" dir="auto">|<\/div>$/g, "");

describe("what the product writes", () => {
  test.each([
    ["**bold** and *slanted* and ~~struck~~", "<p><strong>bold</strong> and <em>slanted</em> and <s>struck</s></p>"],
    ["***both***", "<p><em><strong>both</strong></em></p>"],
    ["snake_case_name stays", "<p>snake_case_name stays</p>"],
    ["\\*no\\* `a*b`", "<p>*no* <code>a*b</code></p>"],
    ["x<sub>2</sub> <u>under</u>", "<p>x<sub>2</sub> <u>under</u></p>"],
    ["one  \ntwo", "<p>one<br/>two</p>"],
    ["a &lt;b&gt; &amp; c", "<p>a &lt;b&gt; &amp; c</p>"],
    ["#### Steps", "<h4>Steps</h4>"],
    ["---", "<hr/>"],
    ["> said\n> so", "<blockquote><p>said\nso</p></blockquote>"],
    ["- one\n- two\n  - inner", "<ul><li>one</li><li>two<ul><li>inner</li></ul></li></ul>"],
    ["3. third\n4. fourth", '<ol start="3"><li>third</li><li>fourth</li></ol>'],
    ["```py\nx = '<b>'\n```", '<pre tabindex="0"><code>x = &#x27;&lt;b&gt;&#x27;</code></pre>'],
    ["````\n```\ninner\n```\n````", '<pre tabindex="0"><code>```\ninner\n```</code></pre>'],
  ])("%s", (text, html) => {
    expect(shown(text)).toBe(html);
  });

  test("a task list", () => {
    expect(shown("- [x] done\n- [ ] open")).toContain('<input type="checkbox" disabled="" aria-label="done" checked=""/>done');
  });

  test("a table keeps bars that are escaped", () => {
    expect(shown("| a | b |\n| --- | --- |\n| 1 \\| 2 | x |")).toContain("<td>1 | 2</td><td>x</td>");
  });

  test("links lead away in a tab of their own and tell nobody where from", () => {
    expect(shown("[here](https://example.com/a_(b))")).toBe(
      '<p><a href="https://example.com/a_(b)" target="_blank" rel="noreferrer noopener">here</a></p>',
    );
    expect(shown("see https://example.com/x.")).toContain('href="https://example.com/x"');
  });

  test("an image is a link to it", () => {
    expect(shown("![map](https://example.com/m.png)")).toContain('<a href="https://example.com/m.png"');
    expect(shown("![map](https://example.com/m.png)")).not.toContain("<img");
  });
});

describe("hostile text", () => {
  test.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "<javascript:alert(1)>",
    "[x](//evil.example)",
    "[x](https://user:secret@evil.example/)",
    "![x](javascript:alert(1))",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "[a[b](javascript:1)](javascript:2)",
  ])("%s stays text", (text) => {
    const html = shown(text);
    expect(html).not.toMatch(/<(script|img|svg|iframe)|href="(?!https:|http:|mailto:)|<[^>]* on\w+=/i);
  });

  test("characters that turn the direction are taken out", () => {
    expect(shown("invoice\u202efdp.exe \u2066x\u2069")).toBe("<p>invoicefdp.exe x</p>");
  });

  test.each([
    ["brackets", "[".repeat(100_000)],
    ["closed brackets", "[".repeat(50_000) + "](x)".repeat(10_000)],
    ["stars", "*a ".repeat(50_000)],
    ["stars that close", "*a".repeat(30_000) + "b*".repeat(30_000)],
    ["mixed runs", "*_**__~~".repeat(20_000)],
    ["very many stars that close", "*a".repeat(200_000) + "b*".repeat(200_000)],
    ["ticks", Array.from({ length: 400 }, (_, at) => "`".repeat(at)).join(" ")],
    ["quotes", "> ".repeat(20_000)],
    ["lists", "- ".repeat(20_000)],
    ["tags", "<u>".repeat(50_000)],
    ["entities", "&#x".repeat(50_000)],
    ["angles", "<a:".repeat(50_000)],
    ["link ends", "](".repeat(50_000)],
    ["table", `${"|a".repeat(5000)}|\n${"|-".repeat(5000)}|\n${"|b".repeat(5000)}|`],
    ["one word", "x".repeat(1_000_000)],
    ["lines", "a\n".repeat(50_000)],
    ["spaces", `#${" ".repeat(100_000)}x`],
  ])("%s are read in time and drawn without end", (_, text) => {
    const began = performance.now();
    expect(shown(text).length).toBeGreaterThan(0);
    expect(performance.now() - began).toBeLessThan(4000);
  });

  test("nothing is lost of what has no partner", () => {
    expect(readInlines("a * b [c ~ d `e")).toEqual([{ kind: "text", text: "a * b [c ~ d `e" }]);
  });
});

test("addresses lead to the web and to mail only", () => {
  expect(safeAddress("https://example.com/")).toBe("https://example.com/");
  expect(safeAddress("mailto:a@example.com")).toBe("mailto:a@example.com");
  for (const bad of ["javascript:1", " javascript:1", "file:///etc", "vbscript:x", "blob:https://x", "/relative", "", "http://a:b@c"]) {
    expect(safeAddress(bad)).toBeNull();
  }
});

describe("a document", () => {
  const text = [
    "---", "key: A-1", "summary: 'it''s: here'", 'status: "a \\"b\\""', "---", "", "## Description", "```", "## Comments", "```", "",
    "## Comments", "- Ann (B) (2026-01-02T03:04:05Z):", "  first", "", "  - [x] inner", "- Cy (2026-01-01T00:00:00Z):", "  second",
  ].join("\n");

  test("has front matter", () => {
    expect(partsOf(text).front).toEqual([["key", "A-1"], ["summary", "it's: here"], ["status", 'a "b"']]);
  });

  test("has sections, and none inside of code", () => {
    expect(partsOf(text).sections.map((section) => section.heading)).toEqual(["Description", "Comments"]);
  });

  test("has comments with who and when", () => {
    const comments = commentsOf(partsOf(text).sections[1]?.text ?? "");
    expect(comments).toEqual([
      { author: "Ann (B)", time: "2026-01-02T03:04:05Z", text: "first\n\n- [x] inner" },
      { author: "Cy", time: "2026-01-01T00:00:00Z", text: "second" },
    ]);
  });
});

test("blocks of every kind are told apart", () => {
  const kinds = readBlocks("# h\n\np\n\n- l\n\n1. o\n\n> q\n\n```\nc\n```\n\n| a |\n| - |\n| b |\n\n***").map((block) => block.kind);
  expect(kinds).toEqual(["heading", "paragraph", "list", "list", "quote", "code", "table", "rule"]);
});
