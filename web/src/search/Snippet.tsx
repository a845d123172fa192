/** Which words matched? The answer marks them with two stars; everything else is text. */
import type { ReactNode } from "react";

import { short } from "../parts/text";

/** The text without what only draws tables and code. */
function plain(text: string): string {
  return text.replaceAll(/\|(?: ?:?-{3,}:? ?\|)+/g, "|").replaceAll(/(?:\| ?){2,}/g, "| ").replaceAll("`", "");
}

/** The backslashes of markdown, which only say that a sign is meant as it stands. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([*_<>[\]#|~])/g, "$1");
}

export function Snippet({ text }: { text: string }): ReactNode {
  const pieces = short(plain(text), 1200).split("**").map(unescaped);
  return (
    <span className="words" dir="auto">
      {pieces.map((piece, at) => (at % 2 && at < pieces.length - 1 ? <mark key={at}>{piece}</mark> : piece))}
    </span>
  );
}
