/** What are the parts of a document? Its front matter, and the sections under the headings that the product writes. */

export interface Parts {
  front: [string, string][];
  sections: Section[];
}

export interface Section {
  heading: string;
  text: string;
}

export interface Comment {
  author: string;
  time: string;
  text: string;
}

const HEADINGS = new Set([
  "Description", "Comments", "Attachments", "Links", "Subtasks", "Work log", "Fields", "Content", "Text",
]);
const SAID_BY = /^- (.{0,500}) \((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\):?$/;

export function partsOf(markdown: string): Parts {
  const lines = markdown.split("\n");
  const end = lines[0] === "---" ? lines.indexOf("---", 1) : -1;
  return { front: front(lines.slice(1, Math.max(1, end))), sections: sections(lines.slice(end + 1)) };
}

function front(lines: string[]): [string, string][] {
  return lines.flatMap((line): [string, string][] => {
    const colon = line.indexOf(":");
    const value = unquoted(line.slice(colon + 1).trim());
    return colon > 0 && value ? [[unquoted(line.slice(0, colon).trim()), value]] : [];
  });
}

function unquoted(value: string): string {
  if (value.length > 1 && value.startsWith("'") && value.endsWith("'")) return value.slice(1, -1).replaceAll("''", "'");
  if (value.length > 1 && value.startsWith('"') && value.endsWith('"')) return parsed(value);
  return value;
}

/** YAML's double-quoted text is JSON's but for a few escapes. */
function parsed(value: string): string {
  try {
    return String(JSON.parse(value));
  } catch {
    return value.slice(1, -1);
  }
}

function sections(lines: string[]): Section[] {
  const out: Section[] = [];
  let heading = "";
  let from = 0;
  let fence = "";
  lines.forEach((line, at) => {
    const ticks = /^\s{0,12}(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    if (fence ? ticks.startsWith(fence) && line.trim() === ticks : ticks) fence = fence ? "" : ticks;
    else if (!fence && line.startsWith("## ") && HEADINGS.has(line.slice(3))) {
      add(out, heading, lines.slice(from, at));
      heading = line.slice(3);
      from = at + 1;
    }
  });
  add(out, heading, lines.slice(from));
  return out;
}

function add(out: Section[], heading: string, lines: string[]): void {
  const text = lines.join("\n").replace(/^\n+/, "").trimEnd();
  if (heading || text) out.push({ heading, text });
}

/** The comments of their section; what does not read as comments is one without an author. */
export function commentsOf(text: string): Comment[] {
  const out: Comment[] = [];
  let body: string[] = [];
  const close = (): void => {
    const last = out.at(-1);
    if (last) last.text = body.join("\n").trim();
    else if (body.join("").trim()) out.push({ author: "", time: "", text: body.join("\n").trim() });
    body = [];
  };
  for (const line of text.split("\n")) {
    const said = SAID_BY.exec(line);
    if (said) {
      close();
      out.push({ author: said[1] ?? "", time: said[2] ?? "", text: "" });
    } else body.push(line.startsWith("  ") ? line.slice(2) : line);
  }
  close();
  return out;
}
