/** What was found, best first? A list that draws only what is in sight, with a link for each hit. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useImperativeHandle, useRef, type KeyboardEvent, type ReactNode, type Ref } from "react";

import type { Explanation, Hit } from "../api/types";
import { ago, short } from "../parts/text";
import { useNow } from "../parts/useNow";
import { Link } from "../router";
import { Snippet } from "./Snippet";

export interface HitList {
  focus: (number: number) => void;
  focusOpen: () => void;
}

interface Props {
  hits: Hit[];
  active: string | null;
  addressOf: (hit: Hit) => string;
  more: (() => void) | null;
  onTop: () => void;
  onInto: () => void;
  list: Ref<HitList>;
  scroller: React.RefObject<HTMLElement | null>;
}

export function Hits({ hits, active, addressOf, more, onTop, onInto, list, scroller }: Props): ReactNode {
  const now = useNow(60_000);
  const own = useRef<HTMLUListElement>(null);
  const rows = useVirtualizer({ count: hits.length, getScrollElement: () => scroller.current, estimateSize: () => 92, overscan: 8 });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= hits.length - 10) more();
  }, [last, hits.length, more]);
  const focus = (number: number): void => {
    if (number < 0) return onTop();
    if (number >= hits.length) return undefined;
    rows.scrollToIndex(number);
    requestAnimationFrame(() => own.current?.querySelector<HTMLElement>(`[data-index="${number}"] .hit-title a`)?.focus());
    return undefined;
  };
  const focusOpen = (): void => focus(hits.findIndex((hit) => hit.key === active));
  useImperativeHandle(list, () => ({ focus, focusOpen }));
  const press = (event: KeyboardEvent<HTMLUListElement>): void => {
    const move = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    if (event.key === "ArrowRight" && active) return onInto();
    if (!move || !row || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    focus(Number(row.dataset.index) + move);
  };
  return (
    <ul ref={own} className="hits" style={{ height: rows.getTotalSize() }} onKeyDown={press}>
      {shown.map((row) => {
        const hit = hits[row.index];
        return (
          hit && (
            <li
              key={row.key}
              data-index={row.index}
              ref={rows.measureElement}
              aria-posinset={row.index + 1}
              aria-setsize={hits.length}
              style={{ position: "absolute", top: 0, left: 0, width: "100%", transform: `translateY(${row.start}px)` }}
            >
              <HitRow hit={hit} isActive={active === hit.key} address={addressOf(hit)} now={now} />
            </li>
          )
        );
      })}
    </ul>
  );
}

function HitRow({ hit, isActive, address, now }: { hit: Hit; isActive: boolean; address: string; now: number }): ReactNode {
  const fields = hit.fields;
  const click = (event: React.MouseEvent<HTMLDivElement>): void => {
    if ((event.target as HTMLElement).closest("a") || getSelection()?.toString()) return;
    event.currentTarget.querySelector<HTMLElement>("a")?.click();
  };
  return (
    <div className="hit" data-active={isActive} onClick={click}>
      <div className="hit-title">
        <span className="key">{short(hit.key, 60)}</span>
        <Link to={address} aria-current={isActive ? "true" : undefined}>
          <bdi>{short(hit.title) || "(no summary)"}</bdi>
        </Link>
      </div>
      <div className="snippet">
        {hit.kind !== "issue" && <span className="muted">{hit.kind}: </span>}
        <Snippet text={hit.snippet} />
      </div>
      <div className="meta">
        {[fields.type, fields.status, fields.priority, fields.assignee].filter(Boolean).map((value, number) => (
          <bdi key={number}>{short(value, 80)}</bdi>
        ))}
        <span>updated {ago(fields.updated, now)}</span>
      </div>
      {hit.explain && <WhyHit explanation={hit.explain} score={hit.score} />}
    </div>
  );
}

function WhyHit({ explanation, score }: { explanation: Explanation; score: number }): ReactNode {
  const share = (value: number | null): string => (value === null ? "–" : value.toFixed(2));
  const words = Object.entries(explanation.words).slice(0, 8);
  return (
    <div className="why">
      <span>score {score.toFixed(3)}</span>
      <span>words {share(explanation.text_share)}</span>
      <span>meaning {share(explanation.vector_share)}</span>
      {explanation.exact !== null && <span>to the letter {share(explanation.exact)}</span>}
      {explanation.is_named && <span>named by its key</span>}
      {words.length > 0 && <span>{words.map(([word, tells]) => `${short(word, 40)} ${tells.toFixed(1)}`).join(" · ")}</span>}
    </div>
  );
}
