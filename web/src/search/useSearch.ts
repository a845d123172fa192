/** What was found for the question of the address? Pages are fetched as the list is scrolled; an older question's answer is dropped. */
import { useCallback, useEffect, useRef, useState } from "react";

import { ask, type Problem } from "../api/client";
import type { Hit, SearchAnswer, SearchRequest } from "../api/types";
import { asProblem } from "../api/useLoad";

export interface Found {
  hits: Hit[];
  answer: SearchAnswer | null;
  problem: Problem | null;
  loading: boolean;
  more: (() => void) | null;
  again: () => void;
}

interface State {
  hits: Hit[];
  answer: SearchAnswer | null;
  problem: Problem | null;
  loading: boolean;
}

const AGAIN_MS = 3000;

export function useSearch(request: SearchRequest): Found {
  const [state, put] = useState<State>({ hits: [], answer: null, problem: null, loading: true });
  const [turn, setTurn] = useState(0);
  const body = JSON.stringify(request);
  const paging = useRef<AbortController | null>(null);
  useEffect(() => {
    const control = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    put((old) => ({ ...old, loading: true }));
    ask<SearchAnswer>("POST", "/v1/search", { body: JSON.parse(body) as SearchRequest, signal: control.signal }).then(
      (answer) => put({ hits: answer.hits, answer, problem: null, loading: false }),
      (error: unknown) => {
        if (control.signal.aborted) return;
        const problem = asProblem(error);
        put((old) => ({ ...old, problem, loading: false }));
        if (problem.isAway) timer = setTimeout(() => setTurn((count) => count + 1), AGAIN_MS);
      },
    );
    return () => {
      control.abort();
      paging.current?.abort();
      paging.current = null;
      clearTimeout(timer);
    };
  }, [body, turn]);
  const cursor = state.answer?.next_cursor;
  const more = useCallback(() => {
    if (paging.current || !cursor) return;
    const control = new AbortController();
    paging.current = control;
    const next = { ...(JSON.parse(body) as SearchRequest), cursor, facets: false };
    ask<SearchAnswer>("POST", "/v1/search", { body: next, signal: control.signal }).then(
      (answer) => {
        paging.current = null;
        put((old) => ({
          ...old,
          hits: [...old.hits, ...answer.hits],
          answer: old.answer && { ...old.answer, next_cursor: answer.next_cursor },
        }));
      },
      (error: unknown) => {
        paging.current = null;
        if (!control.signal.aborted) put((old) => ({ ...old, problem: asProblem(error) }));
      },
    );
  }, [body, cursor]);
  return { ...state, more: cursor ? more : null, again: useCallback(() => setTurn((count) => count + 1), []) };
}
