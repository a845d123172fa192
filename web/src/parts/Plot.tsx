/** How did a number go over time? One small plot, drawn as SVG, with its points readable as text. */
import { useId, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";

import { moment } from "./text";

export interface Point {
  time: number;
  value: number;
}

export interface Series {
  name: string;
  points: Point[];
}

interface Props {
  title: string;
  series: Series[];
  unit: (value: number) => string;
  bars?: boolean;
}

const WIDTH = 480;
const HEIGHT = 120;
const BOTTOM = 100;

export function Plot({ title, series, unit, bars = false }: Props): ReactNode {
  const [at, setAt] = useState<number | null>(null);
  const label = useId();
  const all = series.flatMap((one) => one.points);
  if (!all.length) return <PlotFrame title={title} label={label} note="No data yet" />;
  const scale = scaleOf(all);
  const times = [...new Set(all.map((point) => point.time))].sort((a, b) => a - b);
  const seek = (event: PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(nearest(times, scale.timeAt(((event.clientX - box.left) / box.width) * WIDTH)));
  };
  const step = (event: KeyboardEvent): void => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    setAt((old) => Math.min(times.length - 1, Math.max(0, (old ?? (move > 0 ? -1 : times.length)) + move)));
  };
  const time = at === null ? undefined : times[at];
  return (
    <PlotFrame title={title} label={label} note={readout(series, time, unit)}>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-labelledby={label}
        tabIndex={0}
        onPointerMove={seek}
        onPointerLeave={() => setAt(null)}
        onKeyDown={step}
      >
        <line className="axis" x1="0" x2={WIDTH} y1={BOTTOM} y2={BOTTOM} />
        <line className="grid" x1="0" x2={WIDTH} y1="10" y2="10" />
        {series.map((one, number) => (bars ? <Bars key={one.name} points={one.points} scale={scale} /> : <Line key={one.name} points={one.points} scale={scale} tone={number % 6} />))}
        {time !== undefined && <line className="cursor" x1={scale.x(time)} x2={scale.x(time)} y1="4" y2={BOTTOM} />}
      </svg>
      <div className="plot-scale" aria-hidden="true">
        <span>{moment(new Date(scale.from).toISOString())}</span>
        <span>top {unit(scale.top)}</span>
        <span>{moment(new Date(scale.to).toISOString())}</span>
      </div>
    </PlotFrame>
  );
}

function PlotFrame({ title, label, note, children }: { title: string; label: string; note: string; children?: ReactNode }): ReactNode {
  return (
    <figure className="plot">
      <figcaption>
        <span id={label}>{title}</span> <output>{note}</output>
      </figcaption>
      {children ?? <div className="plot-empty" />}
    </figure>
  );
}

function readout(series: Series[], time: number | undefined, unit: (value: number) => string): string {
  const shown = series.flatMap((one) => {
    const point = time === undefined ? one.points.at(-1) : one.points.find((each) => each.time === time);
    return point ? [`${series.length > 1 ? `${one.name} ` : ""}${unit(point.value)}`] : [];
  });
  const when = time === undefined ? "" : `${moment(new Date(time).toISOString())}: `;
  return when + shown.slice(0, 3).join(", ");
}

interface Scale {
  from: number;
  to: number;
  top: number;
  x: (time: number) => number;
  y: (value: number) => number;
  timeAt: (x: number) => number;
}

export function scaleOf(points: Point[]): Scale {
  const times = points.map((point) => point.time);
  const from = times.reduce((a, b) => Math.min(a, b), Infinity);
  const last = times.reduce((a, b) => Math.max(a, b), -Infinity);
  const to = last;
  const isMoment = last === from;
  const top = points.reduce((most, point) => Math.max(most, point.value), 0) || 1;
  const pad = 6;
  return {
    from,
    to,
    top,
    x: (time) => (isMoment ? WIDTH / 2 : pad + ((time - from) / (to - from)) * (WIDTH - 2 * pad)),
    y: (value) => BOTTOM - (value / top) * (BOTTOM - 10),
    timeAt: (x) => from + ((x - pad) / (WIDTH - 2 * pad)) * (to - from),
  };
}

function nearest(times: number[], wanted: number): number {
  let best = 0;
  times.forEach((time, at) => {
    if (Math.abs(time - wanted) < Math.abs((times[best] ?? 0) - wanted)) best = at;
  });
  return best;
}

function Line({ points, scale, tone }: { points: Point[]; scale: Scale; tone: number }): ReactNode {
  const path = points.map((point, at) => `${at ? "L" : "M"}${scale.x(point.time).toFixed(1)} ${scale.y(point.value).toFixed(1)}`);
  const only = points.length === 1 ? points[0] : undefined;
  return only ? (
    <circle className="dot" data-tone={tone} cx={scale.x(only.time)} cy={scale.y(only.value)} r="3" />
  ) : (
    <path className="line" data-tone={tone} d={path.join("")} vectorEffect="non-scaling-stroke" />
  );
}

function Bars({ points, scale }: { points: Point[]; scale: Scale }): ReactNode {
  const width = Math.max(1.5, Math.min(14, (WIDTH / points.length) * 0.7));
  return points.map((point) => (
    <rect
      key={point.time}
      className="column"
      x={scale.x(point.time) - width / 2}
      y={Math.min(scale.y(point.value), BOTTOM - 1)}
      width={width}
      height={Math.max(1, BOTTOM - scale.y(point.value))}
    />
  ));
}
