/** What is connected, and how does each stand? A list that keeps itself up to date. */
import { useMemo, useState, type ReactNode } from "react";

import { ask, query } from "../api/client";
import type { Connector, Page, Run } from "../api/types";
import { useEvents } from "../api/useEvents";
import { useLoad } from "../api/useLoad";
import { Badge } from "../parts/Badge";
import { Empty, ProblemNote, Skeleton } from "../parts/Notes";
import { ago, count, duration, short } from "../parts/text";
import { useNow } from "../parts/useNow";
import { Link } from "../router";
import { isUnderWay } from "./actions";
import { runCounts } from "./RunParts";

const EVENTS = ["connector", "run", "removed"] as const;
const PAGE = 100;

export function ConnectorsView({ scope }: { scope: string }): ReactNode {
  const [pages, setPages] = useState(1);
  const list = useLoad(`list ${pages}`, (signal) => loadPages(pages, signal));
  const open = useEvents(
    "/v1/events",
    EVENTS,
    (name, data) => list.set((old) => old && { ...old, items: withEvent(old.items, name, data, list.reload) }),
    list.reload,
  );
  const items = list.data?.items ?? [];
  return (
    <div className="page">
      <div className="head">
        <h1>Connectors</h1>
        <LiveMark open={open} />
        {scope === "admin" && (
          <Link className="button primary" to="/connectors/new">
            Connect a site
          </Link>
        )}
      </div>
      <ProblemNote problem={list.problem} retry={list.reload} />
      {!list.data && !list.problem && <div className="panel"><Skeleton lines={5} /></div>}
      {list.data && items.length === 0 && <NoConnectors scope={scope} />}
      {items.length > 0 && <Table items={items} />}
      {list.data?.next_cursor && (
        <button type="button" onClick={() => setPages(pages + 1)}>
          Show more
        </button>
      )}
    </div>
  );
}

async function loadPages(pages: number, signal: AbortSignal): Promise<Page<Connector>> {
  const items: Connector[] = [];
  let cursor: string | null | undefined = null;
  for (let page = 0; page < pages && (page === 0 || cursor); page += 1) {
    const answer: Page<Connector> = await ask("GET", `/v1/connector/list${query({ limit: PAGE, cursor })}`, { signal });
    items.push(...answer.items);
    cursor = answer.next_cursor;
  }
  return { items, next_cursor: cursor };
}

/** The list after an event; a connector that is not in it yet makes the list load anew. */
function withEvent(items: Connector[], name: string, data: unknown, reload: () => void): Connector[] {
  const { id } = (data ?? {}) as { id?: string };
  if (name === "removed") return items.filter((each) => each.id !== id);
  if (name === "run") {
    const run = data as Run;
    return items.map((each) => (each.id === run.connector_id && (each.last_run?.id ?? "") <= run.id ? { ...each, last_run: run } : each));
  }
  if (!items.some((each) => each.id === id)) reload();
  return items.map((each) => (each.id === id ? { ...each, ...(data as Connector) } : each));
}

export function LiveMark({ open }: { open: boolean }): ReactNode {
  return (
    <span className="live" data-open={open} role="status">
      {open ? "live" : "connecting"}
    </span>
  );
}

function NoConnectors({ scope }: { scope: string }): ReactNode {
  return (
    <div className="panel">
      <Empty title="No site is connected yet">
        <p>A connector reads one Jira site, or a part of it, and keeps what was read true. It takes an address, a credential and about five minutes.</p>
        {scope === "admin" && (
          <Link className="button primary" to="/connectors/new">
            Connect a site
          </Link>
        )}
      </Empty>
    </div>
  );
}

function Table({ items }: { items: Connector[] }): ReactNode {
  const now = useNow();
  const rows = useMemo(() => items.map((each) => <Row key={each.id} connector={each} now={now} />), [items, now]);
  return (
    <div className="panel">
      <div className="table-scroll">
        <table>
          <thead>
            <tr>
              <th>Name</th>
              <th>State</th>
              <th className="num wide">Issues</th>
              <th className="num wide">Newest change</th>
              <th>Last run</th>
              <th className="wide">Next run</th>
            </tr>
          </thead>
          <tbody>{rows}</tbody>
        </table>
      </div>
    </div>
  );
}

function Row({ connector, now }: { connector: Connector; now: number }): ReactNode {
  const run = connector.last_run;
  return (
    <tr className="link">
      <td className="named">
        <Link to={`/connectors/${connector.id}`}>
          <bdi>{short(connector.name, 100)}</bdi>
        </Link>
        <div className="muted wide">{short(connector.config.base_url, 80)}</div>
      </td>
      <td>
        <Badge state={connector.state} title={short(connector.why, 300)} />
      </td>
      <td className="num wide">{count(connector.counts.issues)}</td>
      <td className="num wide">{ago(connector.freshness.watermark, now)}</td>
      <td className="text">
        {run ? (
          <>
            <Badge state={run.state} /> <span className="muted">{isUnderWay(connector) ? progressOf(run) : `${run.error ? short(run.error.message, 90) : runCounts(run)}, ${ago(run.finished ?? run.requested, now)}`}</span>
          </>
        ) : (
          <span className="muted">never</span>
        )}
      </td>
      <td className="nowrap wide">{connector.next_run ? ago(connector.next_run, now) : connector.refresh_freq ? "–" : "on demand"}</td>
    </tr>
  );
}

function progressOf(run: Run): string {
  const stage = run.progress.stages?.index ?? run.progress.stages?.fetch ?? run.progress.stages?.list;
  const left = run.progress.seconds_left;
  if (!stage) return run.state === "queued" ? "waits for a worker" : "begins";
  return `${count(stage.done)}${stage.total ? ` of ${count(stage.total)}` : ""}${left ? `, about ${duration(left)} left` : ""}`;
}
