/** What was loaded, what went wrong, and is it still loading? The last answer stays on the screen while the next one is awaited. */
import { useCallback, useEffect, useRef, useState } from "react";

import { Problem } from "./client";

export interface Loaded<Answer> {
  data: Answer | undefined;
  problem: Problem | null;
  loading: boolean;
  reload: () => void;
  set: (change: (data: Answer | undefined) => Answer | undefined) => void;
}

const AGAIN_MS = 3000;

/** Load when `key` changes; null loads nothing. A service that is away is asked again until it is back. */
export function useLoad<Answer>(key: string | null, load: (signal: AbortSignal) => Promise<Answer>, keep = true): Loaded<Answer> {
  const [state, put] = useState<{ key: string | null; data?: Answer; problem: Problem | null; loading: boolean }>({
    key: null,
    problem: null,
    loading: key !== null,
  });
  const [turn, again] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (key === null) return put({ key, problem: null, loading: false });
    const control = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    put((old) => ({ ...old, data: keep || old.key === key ? old.data : undefined, loading: true }));
    latest.current(control.signal).then(
      (data) => !control.signal.aborted && put({ key, data, problem: null, loading: false }),
      (error: unknown) => {
        if (control.signal.aborted) return;
        const problem = asProblem(error);
        put((old) => ({ ...old, key, problem, loading: false }));
        if (problem.isAway) timer = setTimeout(() => again((count) => count + 1), AGAIN_MS);
      },
    );
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [key, turn, keep]);
  const reload = useCallback(() => again((count) => count + 1), []);
  const set = useCallback(
    (change: (data: Answer | undefined) => Answer | undefined) => put((old) => ({ ...old, data: change(old.data) })),
    [],
  );
  return { data: state.data, problem: state.problem, loading: state.loading, reload, set };
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(-1, error instanceof Error ? error.message : String(error));
}

/** An action that a button starts: whether it is under way, and what went wrong. */
export function useAction<Arguments extends unknown[]>(act: (...given: Arguments) => Promise<unknown>): {
  run: (...given: Arguments) => Promise<boolean>;
  busy: boolean;
  problem: Problem | null;
  clear: () => void;
} {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const latest = useRef(act);
  latest.current = act;
  const run = useCallback(async (...given: Arguments) => {
    setBusy(true);
    setProblem(null);
    try {
      await latest.current(...given);
      return true;
    } catch (error) {
      setProblem(asProblem(error));
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return { run, busy, problem, clear: useCallback(() => setProblem(null), []) };
}
