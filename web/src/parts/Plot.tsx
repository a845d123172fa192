/** How did a number go over time? One small plot of equal steps, drawn as SVG, with its points readable as text. */
import { useId, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";

import { moment } from "./text";

export interface Series {
  name: string;
  /** One for each step; null where nothing is known. */
  values: (number | null)[];
}

interface Props {
  title: string;
  /** When each step begins, in milliseconds. */
  times: number[];
  step: number;
  series: Series[];
  unit: (value: number) => string;
  /** Bars for what happened within a step, whose sum is told; else lines for how it stood, of which the last is told. */
  bars?: boolean;
}

const WIDTH = 480;
const HEIGHT = 110;
const TOP = 18;
const BOTTOM = 104;
const A_DAY = 86_400_000;

export function Plot({ title, times, step, series, unit, bars = false }: Props): ReactNode {
  const [at, setAt] = useState<number | null>(null);
  const label = useId();
  const known = series.some((one) => one.values.some((value) => value !== null));
  const scale = scaleOf(times.length, series);
  const seek = (event: PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(Math.min(times.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * times.length))));
  };
  const move = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    setAt((old) => Math.min(times.length - 1, Math.max(0, (old ?? (by > 0 ? -1 : times.length)) + by)));
  };
  const note = !known ? "no data yet" : at === null ? summary(series, unit, bars) : `${moment(new Date(times[at] ?? 0).toISOString())}: ${readout(series, at, unit)}`;
  return (
    <figure className="plot">
      <figcaption>
        <span id={label}>{title}</span> <output>{note}</output>
      </figcaption>
      <div className="plot-body">
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-labelledby={label}
          aria-description={note}
          tabIndex={0}
          onPointerMove={seek}
          onPointerLeave={() => setAt(null)}
          onBlur={() => setAt(null)}
          onKeyDown={move}
        >
          <line className="axis" x1="0" x2={WIDTH} y1={BOTTOM} y2={BOTTOM} />
          {known && <line className="grid" x1="0" x2={WIDTH} y1={TOP} y2={TOP} />}
          {series.map((one, number) => (bars ? <Bars key={one.name} values={one.values} scale={scale} /> : <Line key={one.name} values={one.values} scale={scale} tone={number % 6} />))}
          {at !== null && <line className="cursor" x1={scale.middle(at)} x2={scale.middle(at)} y1="0" y2={BOTTOM} />}
        </svg>
        {known && <span className="plot-top">{unit(scale.top)}</span>}
      </div>
      <div className="plot-scale" aria-hidden="true">
        <span>{clock(times[0], times)}</span>
        <span>{clock(times[Math.floor(times.length / 2)], times)}</span>
        <span>{clock((times.at(-1) ?? 0) + step, times)}</span>
      </div>
    </figure>
  );
}

/** The hour within two days, else the day. */
function clock(time: number | undefined, times: number[]): string {
  if (time === undefined) return "";
  const said = moment(new Date(time).toISOString());
  return (times.at(-1) ?? 0) - (times[0] ?? 0) < 2 * A_DAY ? said.slice(11) : said.slice(5, 10);
}

function summary(series: Series[], unit: Props["unit"], bars: boolean): string {
  return series
    .flatMap(({ name, values }) => {
      const known = values.filter((value) => value !== null);
      const last = known.at(-1);
      if (last === undefined) return [];
      return [`${series.length > 1 ? `${name} ` : ""}${unit(bars ? known.reduce((sum, value) => sum + value, 0) : last)}`];
    })
    .join(", ");
}

function readout(series: Series[], at: number, unit: Props["unit"]): string {
  return series
    .map(({ name, values }) => {
      const value = values[at] ?? null;
      return `${series.length > 1 ? `${name} ` : ""}${value === null ? "–" : unit(value)}`;
    })
    .join(", ");
}

interface Scale {
  top: number;
  width: number;
  left: (at: number) => number;
  middle: (at: number) => number;
  y: (value: number) => number;
}

export function scaleOf(steps: number, series: Series[]): Scale {
  const top = series.flatMap((one) => one.values).reduce<number>((most, value) => Math.max(most, value ?? 0), 0) || 1;
  const width = WIDTH / Math.max(1, steps);
  return {
    top,
    width,
    left: (at) => at * width,
    middle: (at) => (at + 0.5) * width,
    y: (value) => BOTTOM - (value / top) * (BOTTOM - TOP),
  };
}

/** The runs of steps of which something is known; between them the line is broken. */
export function stretches(values: (number | null)[]): [number, number][][] {
  const out: [number, number][][] = [];
  values.forEach((value, at) => {
    if (value === null) return;
    const before = at > 0 ? values[at - 1] : null;
    if (before === null || before === undefined) out.push([]);
    out.at(-1)?.push([at, value]);
  });
  return out;
}

function Line({ values, scale, tone }: { values: (number | null)[]; scale: Scale; tone: number }): ReactNode {
  return stretches(values).map((stretch) => {
    const points = stretch.map(([at, value]) => `${scale.middle(at).toFixed(1)} ${scale.y(value).toFixed(1)}`);
    const first = points[0] ?? "";
    // A point alone is a stroke without length: its round ends are a dot.
    return <path key={first} className="line" data-tone={tone} d={`M${points.length > 1 ? points.join("L") : `${first}L${first}`}`} vectorEffect="non-scaling-stroke" />;
  });
}

function Bars({ values, scale }: { values: (number | null)[]; scale: Scale }): ReactNode {
  return values.map(
    (value, at) =>
      Boolean(value) && (
        <rect
          key={at}
          className="column"
          x={scale.left(at) + scale.width * 0.1}
          y={Math.min(scale.y(value ?? 0), BOTTOM - 1)}
          width={scale.width * 0.8}
          height={Math.max(1, BOTTOM - scale.y(value ?? 0))}
        />
      ),
  );
}
