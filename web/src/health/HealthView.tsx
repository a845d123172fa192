/** How has it gone? Plots of a connector and of the service, over the last hour, day or month, from what the service has kept. */
import { useEffect, type ReactNode } from "react";

import { ask, query } from "../api/client";
import type { Connector, History, HistoryPoint, Page, ServiceHistory } from "../api/types";
import { useLoad, type Loaded } from "../api/useLoad";
import { Empty, ProblemNote, Skeleton } from "../parts/Notes";
import { Plot } from "../parts/Plot";
import { count, duration, short, size } from "../parts/text";
import { useSearchParams, useSetParams } from "../router";

const SPANS = [
  ["1", "1 hour"],
  ["24", "24 hours"],
  ["720", "30 days"],
] as const;
const AGAIN_MS = 20_000;
const whole = (value: number): string => count(Math.round(value));

export function HealthView(): ReactNode {
  const params = useSearchParams();
  const setParams = useSetParams();
  const hours = SPANS.find(([value]) => value === params.get("hours"))?.[0] ?? "24";
  const list = useLoad("connectors", (signal) => ask<Page<Connector>>("GET", "/v1/connector/list?limit=500", { signal }));
  const connectors = list.data?.items ?? [];
  const chosen = connectors.find((each) => each.id === params.get("connector")) ?? connectors[0];
  return (
    <div className="page">
      <div className="head">
        <h1>Health</h1>
        <div className="choice" role="group" aria-label="Span">
          {SPANS.map(([value, label]) => (
            <button key={value} type="button" aria-pressed={hours === value} onClick={() => setParams({ hours: value })}>
              {label}
            </button>
          ))}
        </div>
      </div>
      <section className="form" aria-label="Connector">
        <div className="head">
          <h2>Connector</h2>
          {chosen && (
            <select className="plain" aria-label="Connector" value={chosen.id} onChange={(event) => setParams({ connector: event.target.value })}>
              {connectors.map((each) => (
                <option key={each.id} value={each.id}>
                  {short(each.name, 60)}
                </option>
              ))}
            </select>
          )}
        </div>
        <ProblemNote problem={list.problem} retry={list.reload} />
        {!list.data && !list.problem && <PlotSkeletons number={6} />}
        {list.data && !chosen && (
          <div className="panel">
            <Empty title="No connector yet">
              <p>How its runs go will be drawn here.</p>
            </Empty>
          </div>
        )}
        {chosen && <ConnectorPlots id={chosen.id} hours={hours} />}
      </section>
      <section className="form" aria-label="Service">
        <h2>Service</h2>
        <ServicePlots hours={hours} />
      </section>
    </div>
  );
}

/** Where the plots will stand, as large as they will be. */
function PlotSkeletons({ number }: { number: number }): ReactNode {
  return (
    <div className="plots" role="status" aria-label="Loading">
      {Array.from({ length: number }, (_, at) => (
        <div key={at} className="plot plot-waiting">
          <Skeleton lines={3} label="Loading a plot" />
        </div>
      ))}
    </div>
  );
}

function ConnectorPlots({ id, hours }: { id: string; hours: string }): ReactNode {
  const loaded = useKept<History>(`/v1/connector/${id}/history${query({ hours })}`);
  const { data } = loaded;
  if (!data) return <Waiting loaded={loaded} number={6} />;
  const over = { times: data.items.map((point) => Date.parse(point.time)), step: data.step * 1000 };
  const of = (name: string, value: (point: HistoryPoint) => number | null) => [{ name, values: data.items.map(value) }];
  return (
    <>
      <ProblemNote problem={loaded.problem} />
      <div className="plots">
        <Plot {...over} title="Documents per hour, while it reads" unit={whole} series={of("documents", perHour)} />
        <Plot {...over} title="Error rate" unit={(value) => `${value.toFixed(1)} %`} series={of("errors", errorShare)} />
        <Plot {...over} title="Calls to Jira" bars unit={whole} series={of("calls", (point) => point.requests)} />
        <Plot {...over} title="Time told to wait" bars unit={duration} series={of("waits", (point) => point.throttled_seconds)} />
        <Plot {...over} title="Since the last complete run" unit={duration} series={of("age", (point) => point.age)} />
        <Plot {...over} title="Passages waiting for their vector" unit={whole} series={of("backlog", (point) => point.backlog)} />
      </div>
    </>
  );
}

/** Of the steps in which something was stored: what it would come to in an hour. */
function perHour(point: HistoryPoint): number | null {
  return point.documents && point.seconds ? (point.documents / point.seconds) * 3600 : null;
}

function errorShare(point: HistoryPoint): number | null {
  return point.runs ? (100 * point.errors) / Math.max(1, point.documents + point.errors) : null;
}

function ServicePlots({ hours }: { hours: string }): ReactNode {
  const loaded = useKept<ServiceHistory>(`/v1/health/history${query({ hours })}`);
  const { data } = loaded;
  if (!data) return <Waiting loaded={loaded} number={3} />;
  const over = { times: data.items.map((point) => Date.parse(point.time)), step: data.step * 1000 };
  const milliseconds = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  return (
    <div className="plots">
      <Plot {...over} title="Memory of the largest process" unit={size} series={[{ name: "memory", values: data.items.map((point) => point.memory) }]} />
      <Plot
        {...over}
        title="Search latency"
        unit={milliseconds}
        series={[
          { name: "mean", values: data.items.map((point) => thousandfold(point.search_seconds)) },
          { name: "slowest", values: data.items.map((point) => thousandfold(point.search_slowest)) },
        ]}
      />
      <Plot {...over} title="Searches" bars unit={whole} series={[{ name: "searches", values: data.items.map((point) => point.searches) }]} />
    </div>
  );
}

function thousandfold(value: number | null): number | null {
  return value === null ? null : value * 1000;
}

function Waiting<Answer>({ loaded: { problem, reload }, number }: { loaded: Loaded<Answer>; number: number }): ReactNode {
  return problem ? <ProblemNote problem={problem} retry={reload} /> : <PlotSkeletons number={number} />;
}

/** What an address tells, asked again while the view stands open. */
function useKept<Answer>(address: string): Loaded<Answer> {
  const loaded = useLoad(address, (signal) => ask<Answer>("GET", address, { signal }), false);
  const { reload } = loaded;
  useEffect(() => {
    const timer = setInterval(reload, AGAIN_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return loaded;
}
