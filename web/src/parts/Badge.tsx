/** How does a state look? A word always, a colour besides. */
import type { ReactNode } from "react";

const TONES: Record<string, string> = {
  active: "good", complete: "good", running: "busy", queued: "busy", paused: "calm",
  needs_credentials: "warn", needs_attention: "bad", incomplete: "warn", failed: "bad", stopped: "bad",
};
const WORDS: Record<string, string> = { needs_credentials: "needs credentials", needs_attention: "needs attention" };

export function Badge({ state, title }: { state: string; title?: string }): ReactNode {
  return (
    <span className="badge" data-tone={TONES[state] ?? "calm"} title={title}>
      {WORDS[state] ?? state}
    </span>
  );
}
