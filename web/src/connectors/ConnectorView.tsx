/** How does one connector stand? What it does now, what its runs did, what it left out, and how it is set. */
import { useEffect, useState, type ReactNode } from "react";

import { ask, query } from "../api/client";
import type { Connector, Omission, Page, Run } from "../api/types";
import { useEvents } from "../api/useEvents";
import { useLoad } from "../api/useLoad";
import { safeAddress } from "../markdown/address";
import { Badge } from "../parts/Badge";
import { Empty, ProblemNote, Skeleton } from "../parts/Notes";
import { ago, count, duration, every, moment, plural, short, size } from "../parts/text";
import { useNow } from "../parts/useNow";
import { Link, navigate, useSearchParams, useSetParams } from "../router";
import { ConnectorActions, isUnderWay } from "./actions";
import { LiveMark } from "./ConnectorsView";
import { RunErrorNote, runCounts, runSeconds, Stages } from "./RunParts";

const EVENTS = ["connector", "run", "removed"] as const;
const TABS = [
  ["overview", "Overview"],
  ["runs", "Runs"],
  ["omissions", "Left out"],
  ["settings", "Settings"],
] as const;

export function ConnectorView({ id, tab, scope }: { id: string; tab: string; scope: string }): ReactNode {
  const one = useLoad(id, (signal) => ask<Connector>("GET", `/v1/connector/${id}`, { signal }));
  const [ended, setEnded] = useState("");
  const heard = (name: string, data: unknown): void => {
    if (name === "removed") return navigate("/connectors");
    if (name === "connector") return one.set((old) => old && { ...old, ...(data as Connector) });
    const run = data as Run;
    one.set((old) => old && (old.last_run?.id ?? "") <= run.id ? { ...old, last_run: run } : old);
    if (run.finished && run.id !== ended) {
      setEnded(run.id);
      one.reload();
    }
    return undefined;
  };
  useWhileUnderWay(one.data, one.reload);
  const open = useEvents(`/v1/connector/${id}/events`, EVENTS, heard, one.reload);
  if (!one.data) {
    return (
      <div className="page">
        {one.problem?.status === 404 ? <Gone /> : <ProblemNote problem={one.problem} retry={one.reload} />}
        {!one.problem && <Skeleton lines={10} />}
      </div>
    );
  }
  const connector = one.data;
  return (
    <div className="page">
      <div className="head">
        <h1>
          <bdi>{short(connector.name, 200)}</bdi>
        </h1>
        <LiveMark open={open} />
      </div>
      <div className="actions">
        <Badge state={connector.state} />
        <SiteLink address={connector.config.base_url} />
      </div>
      <ConnectorActions connector={connector} scope={scope} onDone={one.reload} />
      <ProblemNote problem={one.problem} retry={one.reload} />
      <StateNote connector={connector} scope={scope} />
      <nav className="tabs" aria-label="Parts of the connector">
        {TABS.map(([name, label]) => (
          <Link key={name} to={`/connectors/${id}${name === "overview" ? "" : `/${name}`}`} aria-current={tab === name ? "page" : undefined}>
            {label}
            {name === "omissions" && connector.counts.omissions > 0 && ` (${count(connector.counts.omissions)})`}
          </Link>
        ))}
      </nav>
      <Tab tab={tab} connector={connector} />
    </div>
  );
}

const COUNTED_MS = 3000;

/** What is stored grows while a run works; its events tell of the run alone. */
function useWhileUnderWay(connector: Connector | undefined, reload: () => void): void {
  const works = connector !== undefined && isUnderWay(connector);
  useEffect(() => {
    if (!works) return undefined;
    const timer = setInterval(reload, COUNTED_MS);
    return () => clearInterval(timer);
  }, [works, reload]);
}

/** Why it does not work, and the way to mend it. */
function StateNote({ connector, scope }: { connector: Connector; scope: string }): ReactNode {
  const waits = connector.state === "needs_credentials" || connector.state === "needs_attention";
  if (!connector.why && !waits) return null;
  return (
    <div className="note warn">
      <span>{short(connector.why, 1000) || "It has no credentials yet."}</span>
      {waits && scope === "admin" && <Link to={`/connectors/${connector.id}/edit?step=2`}>Look at its sign-in</Link>}
    </div>
  );
}

function Gone(): ReactNode {
  return (
    <Empty title="There is no such connector">
      <p>It was removed, or the address is another one's.</p>
      <Link to="/connectors">All connectors</Link>
    </Empty>
  );
}

function SiteLink({ address }: { address: string }): ReactNode {
  const safe = safeAddress(address);
  return safe ? (
    <a href={safe} target="_blank" rel="noreferrer noopener">
      {short(address, 100)}
    </a>
  ) : (
    <span>{short(address, 100)}</span>
  );
}

function Tab({ tab, connector }: { tab: string; connector: Connector }): ReactNode {
  const stamp = `${connector.last_run?.id} ${connector.last_run?.state}`;
  if (tab === "overview") return <Overview connector={connector} />;
  if (tab === "runs") return <Runs id={connector.id} stamp={stamp} live={connector.last_run ?? null} />;
  if (tab === "omissions") return <Omissions id={connector.id} stamp={stamp} />;
  if (tab === "settings") return <SettingsTab connector={connector} />;
  return <Empty title="There is no such page" />;
}

function Overview({ connector }: { connector: Connector }): ReactNode {
  const now = useNow();
  const run = connector.last_run;
  return (
    <>
      <section className="panel padded" aria-label="Now">
        <dl className="facts">
          <FactItem name="Issues" value={count(connector.counts.issues)} />
          <FactItem name="Documents" value={count(connector.counts.documents)} />
          <FactItem name="Left out" value={count(connector.counts.omissions)} />
          <FactItem name="Newest change" value={ago(connector.freshness.watermark, now)} title={moment(connector.freshness.watermark)} />
          <FactItem name="Next run" value={connector.next_run ? ago(connector.next_run, now) : connector.state === "active" ? "on demand" : "–"} />
        </dl>
      </section>
      {run ? <LastRun run={run} isTold={isToldAlready(connector)} isLive={isUnderWay(connector)} now={now} /> : <Empty title="It has not run yet" />}
      <p>
        <Link to={`/?kb=${connector.kb_id}`}>Search what it has read</Link>
      </p>
    </>
  );
}

function FactItem({ name, value, title }: { name: string; value: string; title?: string }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={title}>{value}</dd>
    </div>
  );
}

/** Whether what went wrong with the last run is why the connector waits: that stands above. */
function isToldAlready({ last_run: run, why }: Connector): boolean {
  return Boolean(run?.error && why.startsWith(run.error.message));
}

function LastRun({ run, isTold, isLive, now }: { run: Run; isTold: boolean; isLive: boolean; now: number }): ReactNode {
  return (
    <section className="panel padded" aria-label={isLive ? "Run under way" : "Last run"}>
      <div className="head">
        <h2>{isLive ? "Under way" : "Last run"}</h2>
        <Badge state={run.state} />
        <span className="muted">
          {run.kind}
          {run.stopping && ", is stopping"}
          {`, ${run.finished ? `ended ${ago(run.finished, now)}` : `since ${ago(run.started ?? run.requested, now)}`}`}
        </span>
      </div>
      {!run.finished && <Stages run={run} />}
      {run.finished && (
        <p>
          {runCounts(run)} in {duration(runSeconds(run))}, {plural(run.requests.total ?? 0, "call")}
          {run.requests.throttled ? `, told to wait ${plural(run.requests.throttled, "time")}` : ""}
        </p>
      )}
      {!isTold && <RunErrorNote run={run} />}
    </section>
  );
}

const RUNS_PAGE = 50;

function Runs({ id, stamp, live }: { id: string; stamp: string; live: Run | null }): ReactNode {
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const now = useNow();
  const { data, problem, reload } = useLoad(`${id} ${cursor} ${stamp}`, (signal) =>
    ask<Page<Run>>("GET", `/v1/connector/${id}/logs${query({ limit: RUNS_PAGE, cursor })}`, { signal }),
  );
  if (!data) return problem ? <ProblemNote problem={problem} retry={reload} /> : <Skeleton lines={8} />;
  if (!data.items.length) return <Empty title="It has not run yet" />;
  const runs = data.items.map((run) => (run.id === live?.id ? live : run));
  return (
    <>
      <div className="panel">
        <div className="table-scroll">
          <table>
            <thead>
              <tr>
                <th>Started</th>
                <th>Kind</th>
                <th>State</th>
                <th>Issues</th>
                <th className="num">Took</th>
                <th className="num">Calls</th>
                <th className="num">Throttled</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <RunRow key={run.id} run={run} now={now} />
              ))}
            </tbody>
          </table>
        </div>
      </div>
      <Pager cursors={cursors} next={data.next_cursor} onTurn={setCursors} newer="Newer runs" older="Older runs" />
    </>
  );
}

function Pager({ cursors, next, onTurn, newer, older }: { cursors: string[]; next?: string | null; onTurn: (cursors: string[]) => void; newer: string; older: string }): ReactNode {
  if (!cursors.length && !next) return null;
  return (
    <div className="actions">
      <button type="button" disabled={!cursors.length} onClick={() => onTurn(cursors.slice(0, -1))}>
        {newer}
      </button>
      <button type="button" disabled={!next} onClick={() => next && onTurn([...cursors, next])}>
        {older}
      </button>
    </div>
  );
}

function RunRow({ run, now }: { run: Run; now: number }): ReactNode {
  const reasons = Object.entries(run.omissions_by_reason);
  return (
    <tr>
      <td className="nowrap" title={ago(run.started ?? run.requested, now)}>
        {moment(run.started ?? run.requested)}
      </td>
      <td>{run.kind}</td>
      <td>
        <Badge state={run.state} />
      </td>
      <td className="text">
        {runCounts(run)}
        {reasons.length > 0 && <div className="muted">{reasons.map(([reason, number]) => `${count(number)} ${short(reason, 60)}`).join(", ")}</div>}
        {run.error && <div className="field-error">{short(run.error.message, 300)}</div>}
      </td>
      <td className="num">{duration(runSeconds(run))}</td>
      <td className="num">{count(run.requests.total ?? 0)}</td>
      <td className="num">{count(run.requests.throttled ?? 0)}</td>
    </tr>
  );
}

const OMISSIONS_PAGE = 100;

function Omissions({ id, stamp }: { id: string; stamp: string }): ReactNode {
  const params = useSearchParams();
  const setParams = useSetParams();
  const reason = params.get("reason");
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const runs = useLoad(`runs ${id} ${stamp}`, (signal) => ask<Page<Run>>("GET", `/v1/connector/${id}/logs?limit=20`, { signal }));
  const { data, problem, reload } = useLoad(`${id} ${reason} ${cursor} ${stamp}`, (signal) =>
    ask<Page<Omission>>("GET", `/v1/connector/${id}/omissions${query({ limit: OMISSIONS_PAGE, cursor, reason })}`, { signal }),
  );
  if (!data) return problem ? <ProblemNote problem={problem} retry={reload} /> : <Skeleton lines={8} />;
  const reasons = reasonsOf(runs.data?.items ?? [], data.items);
  const pick = (value: string | null): void => {
    setCursors([]);
    setParams({ reason: value });
  };
  return (
    <>
      {reasons.length > 0 && (
        <div className="chips" role="group" aria-label="Reasons">
          {reasons.map((each) => (
            <button key={each} type="button" className="chip" aria-pressed={reason === each} onClick={() => pick(reason === each ? null : each)}>
              {each.replaceAll("_", " ")} {reason === each && <span aria-hidden="true">✕</span>}
            </button>
          ))}
        </div>
      )}
      {data.items.length ? <OmissionTable items={data.items} /> : <Empty title="Nothing was left out" />}
      <Pager cursors={cursors} next={data.next_cursor} onTurn={setCursors} newer="Back" older="More" />
    </>
  );
}

function reasonsOf(runs: Run[], items: Omission[]): string[] {
  const told = runs.flatMap((run) => Object.keys(run.omissions_by_reason).map((name) => name.split(" ").at(-1) ?? name));
  return [...new Set([...told, ...items.map((item) => item.reason)])].sort();
}

function OmissionTable({ items }: { items: Omission[] }): ReactNode {
  return (
    <div className="panel">
      <div className="table-scroll">
        <table>
          <thead>
            <tr>
              <th>Issue</th>
              <th>What</th>
              <th>Why</th>
              <th>More</th>
            </tr>
          </thead>
          <tbody>
            {items.map((item, number) => (
              <OmissionRow key={number} item={item} />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function OmissionRow({ item }: { item: Omission }): ReactNode {
  const address = item.url ? safeAddress(item.url) : null;
  return (
    <tr>
      <td className="nowrap">
        {address ? (
          <a href={address} target="_blank" rel="noreferrer noopener">
            {short(item.key, 60)}
          </a>
        ) : (
          short(item.key, 60)
        )}
      </td>
      <td>{item.kind}</td>
      <td>
        <Badge state={item.class} /> {short(item.reason.replaceAll("_", " "), 60)}
      </td>
      <td className="text">
        <bdi>{short(item.detail, 300)}</bdi>
      </td>
    </tr>
  );
}

function SettingsTab({ connector }: { connector: Connector }): ReactNode {
  const { config } = connector;
  const rows: [string, string][] = [
    ["Address", config.base_url],
    ["Project", config.project_key ?? "–"],
    ["JQL", config.jql_query ?? "–"],
    ["Comments", config.include_comments ? "part of the documents" : "left out"],
    ["Attachments", config.include_attachments ? `up to ${size(config.attachment_size_limit ?? 0)}` : "listed only"],
    ["Labels to skip", (config.labels_to_skip ?? []).join(", ") || "–"],
    ["Comments not from", (config.comment_email_blacklist ?? []).join(", ") || "–"],
    ["History", config.include_history ? "part of the documents" : "left out"],
    ["Only the custom fields", (config.fields?.include ?? []).join(", ") || "–"],
    ["Without the fields", (config.fields?.exclude ?? []).join(", ") || "–"],
    ["Issues per task", count(config.batch_size)],
    ["Time zone", config.timezone_offset === null || config.timezone_offset === undefined ? "the account's" : `UTC${config.timezone_offset >= 0 ? "+" : ""}${config.timezone_offset}`],
    ["Search by meaning", config.embeddings === "none" ? "no" : config.embeddings === "openai" ? "the model of the service's settings" : "the built-in model"],
    ["Syncs", connector.refresh_freq ? every(connector.refresh_freq) : "on demand"],
    ["Looks for deletions", connector.prune_freq ? every(connector.prune_freq) : "once a day, with a sync"],
    ["Credentials", connector.has_credentials ? "kept, sealed" : "none"],
    ["Made", moment(connector.created)],
    ["Changed", moment(connector.updated)],
  ];
  return (
    <section className="panel padded">
      <dl className="pairs">
        {rows.map(([name, value]) => (
          <PairRow key={name} name={name} value={value} />
        ))}
      </dl>
    </section>
  );
}

function PairRow({ name, value }: { name: string; value: string }): ReactNode {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <bdi>{short(value, 1000)}</bdi>
      </dd>
    </>
  );
}
