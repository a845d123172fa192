/** Have we seen this before? The question in the address, what was found for it, and the issue that is read. */
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";

import { ask } from "../api/client";
import type { KnowledgeBase, Page } from "../api/types";
import { useLoad } from "../api/useLoad";
import { Empty, ProblemNote, Skeleton } from "../parts/Notes";
import { plural, short } from "../parts/text";
import { changed, Link, useSearchParams, useSetParams } from "../router";
import { AskBox } from "./AskBox";
import { DocumentPane } from "./DocumentPane";
import { Facets } from "./Facets";
import { Hits, type HitList } from "./Hits";
import { asQuery, chipsOf, chosenOf, looksLikeQuery, ORDERS, ORDERS_WITHOUT_WORDS, requestOf, toggled, withoutChips, type FacetOf } from "./request";
import { useSearch, type Found } from "./useSearch";

export function SearchView({ scope }: { scope: string }): ReactNode {
  const params = useSearchParams();
  const setParams = useSetParams();
  const request = useMemo(() => requestOf(params), [params]);
  const found = useSearch(request);
  const box = useRef<HTMLInputElement>(null);
  const list = useRef<HitList>(null);
  const open = params.get("doc");
  const pane = useRef<HTMLElement>(null);
  const bases = useLoad("kb", (signal) => ask<Page<KnowledgeBase>>("GET", "/v1/kb?limit=500", { signal })).data?.items;
  const close = useCallback(() => setParams({ doc: null, in: null }), [setParams]);
  useKeys(box, open ? close : null);
  const onText = useCallback((q: string, done: boolean) => setParams({ q }, { replace: !done }), [setParams]);
  const addressOf = useCallback((doc: string, kb: string) => location.pathname + changed(`?${params}`, { doc, in: kb }), [params]);
  return (
    <div className="search" data-open={Boolean(open)}>
      <search className="ask" aria-label="Issues">
        <div className="ask-row">
          <AskBox text={params.get("q") ?? ""} language={params.get("lang") ?? "auto"} kb={params.get("kb")} box={box} onText={onText} onDown={() => list.current?.focus(0)} />
          <Choices bases={bases ?? []} params={params} setParams={setParams} />
        </div>
        <Chips params={params} setParams={setParams} />
      </search>
      <FacetPane found={found} params={params} setParams={setParams} />
      <Results
        found={found}
        params={params}
        setParams={setParams}
        list={list}
        open={open}
        addressOf={addressOf}
        box={box}
        onInto={() => pane.current?.focus()}
        nothing={<NothingFound params={params} bases={bases} scope={scope} />}
      />
      {open && <DocumentPane issue={open} kb={params.get("in")} pane={pane} addressOf={addressOf} onClose={close} onBack={() => list.current?.focusOpen()} />}
    </div>
  );
}

interface Address {
  params: URLSearchParams;
  setParams: ReturnType<typeof useSetParams>;
}

function useKeys(box: React.RefObject<HTMLInputElement | null>, close: (() => void) | null): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
      if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        box.current?.focus();
        box.current?.select();
      } else if (event.key === "Escape" && close && !event.defaultPrevented) close();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [box, close]);
}

function Choices({ bases, params, setParams }: Address & { bases: KnowledgeBase[] }): ReactNode {
  return (
    <>
      {bases.length > 1 && (
        <select aria-label="Knowledge base" value={params.get("kb") ?? ""} onChange={(event) => setParams({ kb: event.target.value, doc: null, in: null })}>
          <option value="">All knowledge bases</option>
          {bases.map((base) => (
            <option key={base.id} value={base.id}>
              {short(base.name, 60)}
            </option>
          ))}
        </select>
      )}
      <select aria-label="How to match" value={params.get("mode") ?? ""} onChange={(event) => setParams({ mode: event.target.value })}>
        <option value="">Words and meaning</option>
        <option value="text">Words only</option>
        <option value="vector">Meaning only</option>
      </select>
    </>
  );
}

function Chips({ params, setParams }: Address): ReactNode {
  const chips = chipsOf(params);
  if (!chips.length) return null;
  const toQuery = (): void => {
    const words = (params.get("q") ?? "").trim();
    const about = words ? ` and about ${JSON.stringify(words)}` : "";
    setParams({ ...withoutChips(), q: asQuery(chips) + about });
  };
  return (
    <div className="chips" role="group" aria-label="Filters">
      {chips.map(({ of, value }) => (
        <button key={`${of.param} ${value}`} type="button" className="chip" onClick={() => setParams(toggled(params, of, value))} aria-label={`Remove the filter ${of.label} ${value || "none"}`}>
          <span className="muted">{of.label}</span> <bdi>{short(value, 60) || "none"}</bdi> <span aria-hidden="true">✕</span>
        </button>
      ))}
      <button type="button" className="quiet" onClick={() => setParams(withoutChips())}>
        Clear
      </button>
      {!looksLikeQuery(params.get("q") ?? "", params.get("lang") ?? "auto") && (
        <button type="button" className="quiet" onClick={toQuery}>
          As a query
        </button>
      )}
    </div>
  );
}

function FacetPane({ found, params, setParams }: Address & { found: Found }): ReactNode {
  const isWide = useMedia("(min-width: 761px)");
  const pick = (of: FacetOf, value: string): void => setParams({ ...toggled(params, of, value), doc: null, in: null });
  const chosen = (of: FacetOf): string[] => chosenOf(params, of);
  const facets = <Facets facets={found.answer?.facets ?? {}} chosen={chosen} onPick={pick} />;
  return (
    <section className="facets" aria-label="Narrow the search" tabIndex={0}>
      {isWide ? (
        facets
      ) : (
        <details>
          <summary>Filters</summary>
          {facets}
        </details>
      )}
    </section>
  );
}

function useMedia(wanted: string): boolean {
  const [matches, set] = useState(() => matchMedia(wanted).matches);
  useEffect(() => {
    const media = matchMedia(wanted);
    const tell = (): void => set(media.matches);
    media.addEventListener("change", tell);
    return () => media.removeEventListener("change", tell);
  }, [wanted]);
  return matches;
}

interface ResultsProps extends Address {
  found: Found;
  list: React.RefObject<HitList | null>;
  open: string | null;
  addressOf: (doc: string, kb: string) => string;
  box: React.RefObject<HTMLInputElement | null>;
  onInto: () => void;
  nothing: ReactNode;
}

function Results({ found, params, setParams, list, open, addressOf, box, onInto, nothing }: ResultsProps): ReactNode {
  const pane = useRef<HTMLElement>(null);
  const asked = params.get("q") ?? "";
  useEffect(() => {
    pane.current?.scrollTo(0, 0);
  }, [asked]);
  const explained = params.get("explain") === "1";
  return (
    <section ref={pane} className="results" aria-label="Results" data-stale={found.loading} tabIndex={-1}>
      <div className="results-head">
        <span role="status">{summary(found)}</span>
        <label title="What each score is made of">
          <input type="checkbox" checked={explained} onChange={() => setParams({ explain: explained ? null : "1" }, { replace: true })} /> Why
        </label>
        <select aria-label="Order" value={params.get("order") ?? ""} onChange={(event) => setParams({ order: event.target.value })}>
          {(asked.trim() ? ORDERS : ORDERS_WITHOUT_WORDS).map(([order, label]) => (
            <option key={order} value={order}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <ProblemNote problem={found.problem} retry={found.again} />
      {found.answer?.notes?.map((note) => (
        <p key={note} className="note warn">
          {short(note)}
        </p>
      ))}
      {!found.answer && !found.problem && <Skeleton lines={14} label="Searching" />}
      {found.answer?.hits.length === 0 && !found.problem && nothing}
      <Hits
        hits={found.hits}
        active={open}
        addressOf={(hit) => addressOf(hit.key, hit.kb_id)}
        more={found.more}
        onTop={() => box.current?.focus()}
        onInto={onInto}
        list={list}
        scroller={pane}
      />
    </section>
  );
}

function summary({ answer, loading }: Found): string {
  if (!answer) return loading ? "Searching" : "";
  const vectors = answer.vectors_ready < 1 ? ` · ${Math.floor(answer.vectors_ready * 100)} % by meaning so far` : "";
  return `${plural(answer.total, "issue")} · ${Math.max(1, Math.round(answer.took_ms))} ms${vectors}`;
}

function NothingFound({ params, bases, scope }: { params: URLSearchParams; bases: KnowledgeBase[] | undefined; scope: string }): ReactNode {
  if (params.get("q") || chipsOf(params).length) {
    return (
      <Empty title="Nothing found">
        <p>Use fewer or other words, or take a filter out. Issues that were left out of a sync stand with their connector, with the reason.</p>
      </Empty>
    );
  }
  if (!bases) return null;
  return bases.length ? <NothingReadYet scope={scope} /> : <NothingConnected scope={scope} />;
}

function NothingConnected({ scope }: { scope: string }): ReactNode {
  return (
    <Empty title="Nothing to search yet">
      <p>{scope === "admin" ? "Connect a Jira site; its issues can be searched while they are still being read." : "Whoever holds an admin key can connect a Jira site."}</p>
      {scope === "admin" && (
        <Link className="button primary" to="/connectors/new">
          Connect a site
        </Link>
      )}
    </Empty>
  );
}

function NothingReadYet({ scope }: { scope: string }): ReactNode {
  return (
    <Empty title="Nothing has been read yet">
      <p>Issues can be searched while a sync is still reading.</p>
      {scope !== "search" && <Link to="/connectors">See how the connectors stand</Link>}
    </Empty>
  );
}
