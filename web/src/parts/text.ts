/** How are words, numbers and times of others shown, so that they cannot pass for something else? */

const DIRECTING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
const NUMBER = new Intl.NumberFormat("en");

/** Text without characters that turn the direction of what follows; controls are made visible. */
export function tame(text: string): string {
  return text.replace(DIRECTING, "").replace(CONTROL, "\ufffd");
}

/** One line of at most so many characters, for titles and labels. */
export function short(text: string, most = 300): string {
  const line = tame(text).replaceAll(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most).trimEnd()}…` : line;
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : NUMBER.format(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** "3 min ago", "in 2 h", the day where that is long; a dash where there is no time. */
export function ago(time: string | null | undefined, now: number): string {
  if (!time) return "–";
  const seconds = (now - Date.parse(time)) / 1000;
  if (Math.abs(seconds) > 60 * 86_400) return moment(time).slice(0, 10);
  const span = duration(Math.abs(seconds));
  if (Math.abs(seconds) < 5) return "now";
  return seconds > 0 ? `${span} ago` : `in ${span}`;
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** A time as the clock on the wall has it. */
export function moment(time: string | null | undefined): string {
  if (!time) return "–";
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return short(time, 40);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(two).join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** "every hour", "every 5 minutes". */
export function every(minutes: number): string {
  const [number, unit] = minutes % 1440 === 0 ? [minutes / 1440, "day"] : minutes % 60 === 0 ? [minutes / 60, "hour"] : [minutes, "minute"];
  return number === 1 ? `every ${unit}` : `every ${count(number)} ${unit}s`;
}

export function size(bytes: number): string {
  const units = ["B", "KB", "MB", "GB"];
  const power = Math.min(3, bytes > 0 ? Math.floor(Math.log2(bytes) / 10) : 0);
  return `${Math.round(bytes / 2 ** (10 * power))} ${units[power]}`;
}
