/** How is the service asked? One function; what goes wrong is a Problem with words that can be shown. */

export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fix = "",
    readonly fields: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = "Problem";
  }

  get isAway(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

type Listener = () => void;
const signedOut = new Set<Listener>();

/** Called when an answer says that nobody is signed in any more. */
export function onSignedOut(listener: Listener): Listener {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

export interface Asking {
  body?: unknown;
  signal?: AbortSignal;
}

export async function ask<Answer>(method: string, path: string, { body, signal }: Asking = {}): Promise<Answer> {
  const answer = await send(method, path, body, signal);
  const text = answer.status === 204 ? "" : await answer.text();
  if (!answer.ok) throw refused(answer.status, text, path);
  return (text ? JSON.parse(text) : null) as Answer;
}

async function send(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", "X-Requested-With": "jirakb" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "The service does not answer.", "It may be restarting. The page tries again by itself.");
  }
}

function refused(status: number, text: string, path: string): Problem {
  if (status === 401 && path !== "/v1/session") for (const listener of [...signedOut]) listener();
  const said = parsed(text);
  const message = [said.detail, said.title].find((word) => typeof word === "string" && word);
  const fix = typeof said.fix === "string" ? said.fix : "";
  return new Problem(status, typeof message === "string" ? message : `The service answered ${status}.`, fix, said);
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return value && typeof value === "object" ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The query part of an address; empty values are left out. */
export function query(values: Record<string, string | number | boolean | null | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== undefined && value !== "") params.set(name, String(value));
  const text = params.toString();
  return text && `?${text}`;
}
