/** Where may a link of an issue lead? To the web and to mail, never to a script, a file or a place on this page. */

const ALLOWED = new Set(["http:", "https:", "mailto:"]);

/** The address to link to, or null where the text stays text. */
export function safeAddress(given: string): string | null {
  if (!URL.canParse(given)) return null;
  const url = new URL(given);
  return ALLOWED.has(url.protocol) && !url.username && !url.password ? url.href : null;
}
