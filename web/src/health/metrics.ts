/** What does the service measure of itself? Its metrics text, read into samples. */

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

export function readMetrics(text: string): Sample[] {
  return text.split("\n").flatMap((line) => {
    const found = line.startsWith("#") ? null : LINE.exec(line);
    const value = Number(found?.[3]);
    if (!found?.[1] || !Number.isFinite(value)) return [];
    const labels = Object.fromEntries([...(found[2] ?? "").matchAll(LABEL)].map((pair) => [pair[1], (pair[2] ?? "").replaceAll('\\"', '"')]));
    return [{ name: found[1], labels: labels as Record<string, string>, value }];
  });
}

export function sumOf(samples: Sample[], name: string): number | null {
  const held = samples.filter((sample) => sample.name === name);
  return held.length ? held.reduce((total, sample) => total + sample.value, 0) : null;
}

export function mostOf(samples: Sample[], name: string): number | null {
  const held = samples.filter((sample) => sample.name === name);
  return held.length ? held.reduce((most, sample) => Math.max(most, sample.value), -Infinity) : null;
}

/** The mean of what a histogram or summary saw between two looks; over everything where nothing was seen between. */
export function meanBetween(before: Sample[], now: Sample[], name: string): number | null {
  const [sum, seen] = [sumOf(now, `${name}_sum`), sumOf(now, `${name}_count`)];
  if (sum === null || !seen) return null;
  const [oldSum, oldSeen] = [sumOf(before, `${name}_sum`) ?? 0, sumOf(before, `${name}_count`) ?? 0];
  return seen > oldSeen ? (sum - oldSum) / (seen - oldSeen) : null;
}
