/** What is said when there is nothing to show, when it is not there yet, and when it went wrong? */
import { useEffect, useRef, type ReactNode } from "react";

import type { Problem } from "../api/client";
import { short } from "./text";

export function Empty({ title, children }: { title: string; children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Skeleton({ lines = 6, label = "Loading" }: { lines?: number; label?: string }): ReactNode {
  return (
    <div className="skeleton" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, number) => (
        <span key={number} data-width={number % 3} />
      ))}
    </div>
  );
}

export function ProblemNote({ problem, retry }: { problem: Problem | null; retry?: () => void }): ReactNode {
  const note = useRef<HTMLDivElement>(null);
  useEffect(() => {
    note.current?.scrollIntoView({ block: "nearest" });
  }, [problem]);
  if (!problem) return null;
  return (
    <div ref={note} className="note problem" role="alert">
      <strong>{short(problem.message, 1000)}</strong>
      {problem.fix && <p>{short(problem.fix, 1000)}</p>}
      {fieldErrors(problem).map((line) => (
        <p key={line}>{short(line)}</p>
      ))}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What a validation said about single fields. */
export function fieldErrors(problem: Problem): string[] {
  const errors = problem.fields.errors;
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((error: unknown) => {
    const { at, message } = error as Record<string, unknown>;
    const where = String(at ?? "").replace(/^body\.?/, "");
    const said = String(message ?? "").replace(/^Value error, /, "");
    return said ? [where ? `${where}: ${said}` : said] : [];
  });
}
