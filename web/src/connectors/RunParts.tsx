/** How is a run told? Its stages while it works, its counts and words when it has ended. */
import type { ReactNode } from "react";

import type { Run } from "../api/types";
import { count, duration, plural, short } from "../parts/text";

const STAGES = ["list", "fetch", "render", "index", "embed", "prune"];
const WORDS: Record<string, string> = { list: "Listing", fetch: "Fetching", render: "Rendering", index: "Indexing", embed: "Meaning", prune: "Pruning" };

export function Stages({ run }: { run: Run }): ReactNode {
  const stages = run.progress.stages ?? {};
  const shown = [...STAGES, ...Object.keys(stages).filter((name) => !STAGES.includes(name))].filter((name) => stages[name]);
  return (
    <div className="stages">
      {shown.map((name) => {
        const stage = stages[name];
        return stage && <StageRow key={name} name={name} done={stage.done} total={stage.total ?? totalOf(name, stages)} rate={stage.rate} />;
      })}
      <p className="muted">
        {shown.length ? "" : run.state === "queued" ? "Waits for a worker. " : "Begins. "}
        {run.progress.throttled ? `Told to wait ${plural(run.progress.throttled, "time")}. ` : ""}
        {Boolean(run.progress.seconds_left) && `About ${duration(run.progress.seconds_left)} left.`}
      </p>
    </div>
  );
}

/** Where a stage does not know its end: what was listed, once the listing is over. */
function totalOf(name: string, stages: NonNullable<Run["progress"]["stages"]>): number | null {
  if (name === "list") return stages.fetch ? (stages.list?.done ?? null) : null;
  return name === "render" || name === "index" ? (stages.fetch?.total ?? null) : null;
}

function StageRow({ name, done, total, rate }: { name: string; done: number; total: number | null; rate: number }): ReactNode {
  const share = total ? Math.min(1, done / total) : null;
  return (
    <div className="stage">
      <span>{WORDS[name] ?? name}</span>
      <div
        className="track"
        role="progressbar"
        aria-label={WORDS[name] ?? name}
        aria-valuemin={0}
        aria-valuemax={total ?? undefined}
        aria-valuenow={total === null ? undefined : done}
        aria-valuetext={total === null ? `${done}` : undefined}
      >
        {share === null ? <div className="fill open" /> : <div className="fill" style={{ width: `${share * 100}%` }} />}
      </div>
      <span className="muted">
        {count(done)}
        {total !== null && ` of ${count(total)}`}
        {rate > 0 && ` · ${count(Math.round(rate))}/s`}
      </span>
    </div>
  );
}

const SHOWN = [
  ["indexed", "indexed"],
  ["unchanged", "unchanged"],
  ["deleted", "deleted"],
  ["omitted", "left out"],
] as const;

export function runCounts(run: Run): string {
  const said = SHOWN.flatMap(([name, word]) => (run.counts[name] ? [`${count(run.counts[name])} ${word}`] : []));
  return said.join(", ") || (!run.finished ? "–" : run.error ? "nothing stored" : "no change");
}

export function runSeconds(run: Run): number | null {
  if (run.seconds.total !== undefined) return run.seconds.total;
  return run.started && run.finished ? (Date.parse(run.finished) - Date.parse(run.started)) / 1000 : null;
}

export function RunErrorNote({ run }: { run: Run }): ReactNode {
  if (!run.error) return null;
  return (
    <div className="note problem">
      <strong>{short(run.error.message, 1000)}</strong>
      {run.error.fix && <p>{short(run.error.fix, 1000)}</p>}
    </div>
  );
}
