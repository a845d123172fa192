/** How has it gone? Plots of each connector's runs over the last days, and of the service since this view was opened. */
import type { ReactNode } from "react";

import { ask, query } from "../api/client";
import type { Connector, HistoryPoint, Page } from "../api/types";
import { useLoad } from "../api/useLoad";
import { Empty, ProblemNote, Skeleton } from "../parts/Notes";
import { Plot, type Point } from "../parts/Plot";
import { count, duration, short } from "../parts/text";
import { useSearchParams, useSetParams } from "../router";
import { ServicePlots } from "./ServicePlots";

const SPANS = [
  ["1", "last day"],
  ["7", "last week"],
  ["30", "last month"],
  ["366", "last year"],
] as const;

export function HealthView(): ReactNode {
  const params = useSearchParams();
  const setParams = useSetParams();
  const days = params.get("days") ?? "7";
  const list = useLoad("connectors", (signal) => ask<Page<Connector>>("GET", "/v1/connector/list?limit=500", { signal }));
  const connectors = list.data?.items ?? [];
  const chosen = connectors.find((each) => each.id === params.get("connector")) ?? connectors[0];
  return (
    <div className="page">
      <div className="head">
        <h1>Health</h1>
        <select className="plain" aria-label="Span" value={days} onChange={(event) => setParams({ days: event.target.value })}>
          {SPANS.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <ProblemNote problem={list.problem} retry={list.reload} />
      {!list.data && !list.problem && <Skeleton lines={10} />}
      {list.data && !chosen && (
        <div className="panel">
          <Empty title="No connector yet">
            <p>Its runs will be drawn here.</p>
          </Empty>
        </div>
      )}
      {chosen && (
        <section className="form" aria-label="Connector">
          <div className="head">
            <h2>Runs of</h2>
            <select className="plain" aria-label="Connector" value={chosen.id} onChange={(event) => setParams({ connector: event.target.value })}>
              {connectors.map((each) => (
                <option key={each.id} value={each.id}>
                  {short(each.name, 80)}
                </option>
              ))}
            </select>
          </div>
          <History id={chosen.id} days={days} />
        </section>
      )}
      <section className="form" aria-label="Service">
        <div className="head">
          <h2>The service, since this view was opened</h2>
        </div>
        <ServicePlots />
      </section>
    </div>
  );
}

function History({ id, days }: { id: string; days: string }): ReactNode {
  const { data, problem, reload } = useLoad(
    `${id} ${days}`,
    (signal) => ask<{ items: HistoryPoint[] }>("GET", `/v1/connector/${id}/history${query({ days })}`, { signal }),
    false,
  );
  if (!data) return problem ? <ProblemNote problem={problem} retry={reload} /> : <Skeleton lines={8} />;
  const items = data.items.filter((point) => point.finished);
  const whole = (value: number): string => count(Math.round(value));
  return (
    <div className="plots">
      <Plot title="Documents per hour" bars unit={whole} series={[{ name: "documents per hour", points: points(items, perHour) }]} />
      <Plot title="Error rate" unit={(value) => `${value.toFixed(1)} %`} series={[{ name: "errors", points: points(items, errorShare) }]} />
      <Plot title="Calls to Jira" bars unit={whole} series={[{ name: "calls", points: points(items, (point) => point.requests) }]} />
      <Plot title="Told to wait" bars unit={whole} series={[{ name: "throttled", points: points(items, (point) => point.throttled) }]} />
      <Plot title="Duration of runs" unit={duration} series={[{ name: "duration", points: points(items, (point) => point.seconds ?? null) }]} />
      <Plot title="Between the ends of runs" unit={duration} series={[{ name: "age", points: gaps(items) }]} />
    </div>
  );
}

function points(items: HistoryPoint[], value: (point: HistoryPoint) => number | null): Point[] {
  return items.flatMap((point) => {
    const found = value(point);
    return found === null ? [] : [{ time: Date.parse(point.started), value: found }];
  });
}

function perHour(point: HistoryPoint): number | null {
  return point.seconds ? (point.documents / point.seconds) * 3600 : null;
}

function errorShare(point: HistoryPoint): number {
  return point.errors ? (100 * point.errors) / Math.max(point.errors, point.documents + point.errors) : 0;
}

/** How old what is indexed was when the next good run ended: its freshness at its worst. */
function gaps(items: HistoryPoint[]): Point[] {
  const good = items.filter((point) => point.finished && (point.state === "complete" || point.state === "incomplete"));
  return good.slice(1).map((point, at) => {
    const end = Date.parse(point.finished ?? point.started);
    return { time: end, value: (end - Date.parse(good[at]?.finished ?? point.started)) / 1000 };
  });
}
