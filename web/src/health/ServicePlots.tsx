/** What does the service measure of itself right now? Its metrics, looked at every few seconds while the view is open. */
import { useEffect, useRef, useState, type ReactNode } from "react";

import { ProblemNote, Skeleton } from "../parts/Notes";
import { Problem } from "../api/client";
import { Plot, type Point, type Series } from "../parts/Plot";
import { count, duration, size } from "../parts/text";
import { meanBetween, mostOf, readMetrics, sumOf, type Sample } from "./metrics";

const EVERY_MS = 4000;
const MOST_POINTS = 450;

interface Watched {
  title: string;
  unit: (value: number) => string;
  read: (now: Sample[], before: Sample[]) => number | null;
}

const whole = (value: number): string => count(Math.round(value));

const WATCHED: Watched[] = [
  { title: "Memory of syncs, at most", unit: size, read: (now) => mostOf(now, "jirakb_sync_memory_bytes") },
  { title: "Search latency", unit: (value) => `${(value * 1000).toFixed(1)} ms`, read: (now, before) => meanBetween(before, now, "jirakb_search_seconds") },
  { title: "Freshness, the oldest", unit: duration, read: (now) => mostOf(now, "jirakb_freshness_seconds") },
  { title: "Passages waiting for their vector", unit: whole, read: (now) => sumOf(now, "jirakb_backlog_passages") },
  { title: "Throttled time, last day", unit: duration, read: (now) => sumOf(now, "jirakb_throttled_seconds_last_day") },
  { title: "Calls to Jira, last day", unit: whole, read: (now) => sumOf(now, "jirakb_api_calls_last_day") },
];

export function ServicePlots(): ReactNode {
  const [series, problem] = useWatched();
  if (problem && !series) return <ProblemNote problem={problem} />;
  if (!series) return <Skeleton lines={6} label="Looking at the service" />;
  return (
    <>
      <ProblemNote problem={problem} />
      <div className="plots">
        {WATCHED.map(({ title, unit }, number) => (
          <Plot key={title} title={title} unit={unit} series={[series[number] ?? { name: title, points: [] }]} />
        ))}
      </div>
    </>
  );
}

function useWatched(): [Series[] | null, Problem | null] {
  const [series, put] = useState<Series[] | null>(null);
  const [problem, say] = useState<Problem | null>(null);
  const before = useRef<Sample[]>([]);
  useEffect(() => {
    const control = new AbortController();
    const look = async (): Promise<void> => {
      try {
        const samples = await metrics(control.signal);
        const old = before.current;
        before.current = samples;
        const time = Date.now();
        put((all) => WATCHED.map(({ title, read }, number) => ({ name: title, points: grown(all?.[number]?.points ?? [], time, read(samples, old)) })));
        say(null);
      } catch (error) {
        if (!control.signal.aborted) say(error instanceof Problem ? error : new Problem(0, "The service does not answer.", "The page tries again by itself."));
      }
    };
    void look();
    const timer = setInterval(() => void look(), EVERY_MS);
    return () => {
      clearInterval(timer);
      control.abort();
    };
  }, []);
  return [series, problem];
}

async function metrics(signal: AbortSignal): Promise<Sample[]> {
  const answer = await fetch("/metrics", { signal });
  if (!answer.ok) throw new Problem(answer.status, answer.status === 404 ? "This service tells no metrics." : `The service does not show its metrics (${answer.status}).`);
  return readMetrics(await answer.text());
}

function grown(points: Point[], time: number, value: number | null): Point[] {
  return value === null ? points : [...points, { time, value }].slice(-MOST_POINTS);
}
