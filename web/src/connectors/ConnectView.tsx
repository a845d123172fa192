/** How is a site connected? Step by step, each tried against the site itself; what was filled in stays when a step fails. */
import { useEffect, useRef, useState, type FormEvent, type ReactNode, type RefObject } from "react";

import { ask, Problem } from "../api/client";
import type { Connector, Diagnosis, Preview } from "../api/types";
import { useAction, useLoad } from "../api/useLoad";
import { ProblemNote, Skeleton } from "../parts/Notes";
import { Link, navigate, useSearchParams, useSetParams } from "../router";
import { bodyOf, configOf, credentialsOf, draftOf, FRESH, type Draft } from "./draft";
import { OptionsStep, ScheduleStep } from "./OptionSteps";
import { CredentialStep, ScopeStep, SiteStep } from "./SiteSteps";

const STEPS = ["Site", "Sign-in", "Issues", "Options", "Schedule"];

export interface StepProps {
  draft: Draft;
  change: (changes: Partial<Draft>) => void;
  found: Diagnosis | null;
  preview: Preview | null;
  isNew: boolean;
}

export function ConnectView({ id }: { id: string | null }): ReactNode {
  const saved = useLoad(id, (signal) => ask<Connector>("GET", `/v1/connector/${id ?? ""}`, { signal }));
  if (id && !saved.data) {
    return <div className="page narrow">{saved.problem ? <ProblemNote problem={saved.problem} retry={saved.reload} /> : <Skeleton />}</div>;
  }
  return <Steps key={id} id={id} first={saved.data ? draftOf(saved.data) : FRESH} title={saved.data ? saved.data.name : "Connect a site"} />;
}

function Steps({ id, first, title }: { id: string | null; first: Draft; title: string }): ReactNode {
  const params = useSearchParams();
  const setParams = useSetParams();
  const [draft, setDraft] = useState(first);
  const [reached, reach] = useState(id ? STEPS.length : 1);
  const [found, setFound] = useState<Diagnosis | null>(null);
  const [preview, setPreview] = useState<Preview | null>(null);
  const step = Math.min(reached, Math.max(1, Number(params.get("step") ?? 1)));
  const form = useRef<HTMLFormElement>(null);
  const change = (changes: Partial<Draft>): void => {
    setDraft((old) => ({ ...old, ...changes }));
    if (SCOPE.some((name) => name in changes)) setPreview(null);
  };
  useBeginOf(step, form);
  const go = (to: number): void => {
    reach((old) => Math.max(old, to));
    setParams({ step: String(to) });
  };
  const test = async (): Promise<Diagnosis> => {
    const answer = await tested(draft, id);
    setFound(answer);
    return answer;
  };
  const next = useAction(async () => {
    if (step === 1) await leaveSite(test);
    if (step === 2) await leaveSignIn(test);
    if (step === 3) setPreview(await previewed(draft, id));
    if (step === STEPS.length) return save(draft, id);
    return go(step + 1);
  });
  const keep = useAction(() => save(draft, id));
  const look = useAction(async () => setPreview(await previewed(draft, id)));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void next.run();
  };
  const shown = { draft, change, found, preview, isNew: !id };
  return (
    <div className="page narrow">
      <div className="head">
        <h1>{title}</h1>
        <Link to={id ? `/connectors/${id}` : "/connectors"}>Cancel</Link>
      </div>
      <ol className="steps">
        {STEPS.map((name, number) => (
          <li key={name} aria-current={step === number + 1 ? "step" : undefined} data-done={number + 1 < step}>
            <button type="button" disabled={number + 1 > reached} onClick={() => go(number + 1)}>
              {number + 1}
              <span> {name}</span>
            </button>
          </li>
        ))}
      </ol>
      <form ref={form} className="panel padded form" onSubmit={submit} onChange={() => next.clear()}>
        {step === 1 && <SiteStep {...shown} />}
        {step === 2 && <CredentialStep {...shown} />}
        {step === 3 && <ScopeStep {...shown} onLook={() => void look.run()} looking={look.busy} />}
        {step === 4 && <OptionsStep {...shown} />}
        {step === 5 && <ScheduleStep {...shown} />}
        <ProblemNote problem={next.problem ?? look.problem ?? keep.problem} />
        <div className="actions">
          {step > 1 && (
            <button type="button" onClick={() => go(step - 1)}>
              Back
            </button>
          )}
          <button type="submit" className="primary" disabled={next.busy}>
            {next.busy ? BUSY[step] : step < STEPS.length ? NEXT[step] : id ? "Save" : "Connect and sync"}
          </button>
          {id && step < STEPS.length && (
            <button type="button" disabled={keep.busy} onClick={() => void keep.run()}>
              Save as it is
            </button>
          )}
        </div>
      </form>
    </div>
  );
}

/** What was counted and shown is of these. */
const SCOPE: (keyof Draft)[] = ["all", "projects", "jql", "labelsToSkip"];

/** A step begins at its first field, and at the top of the page. */
function useBeginOf(step: number, form: RefObject<HTMLFormElement | null>): void {
  const before = useRef(step);
  useEffect(() => {
    if (step === before.current) return;
    before.current = step;
    document.querySelector("main")?.scrollTo(0, 0);
    form.current?.querySelector<HTMLElement>("input, select, textarea")?.focus({ preventScroll: true });
  }, [step, form]);
}

const NEXT: Record<number, string> = { 1: "Test the address", 2: "Test the sign-in", 3: "Count and go on", 4: "Go on" };
const BUSY: Record<number, string> = { 1: "Asking the site", 2: "Signing in", 3: "Counting", 4: "…", 5: "Saving" };

/** Before it is known what will be read, everything is asked for. */
async function tested(draft: Draft, id: string | null): Promise<Diagnosis> {
  const config = configOf({ ...draft, all: true, jql: "" });
  return ask<Diagnosis>("POST", "/v1/connector/test", { body: { ...(id ? { id } : {}), config, credentials: credentialsOf(draft) ?? null } });
}

async function previewed(draft: Draft, id: string | null): Promise<Preview> {
  if (!draft.all && !draft.projects.length && !draft.jql.trim()) throw new Problem(422, "Nothing is chosen.", "Pick a project, or write a JQL query.");
  return ask<Preview>("POST", "/v1/connector/preview", { body: { ...(id ? { id } : {}), config: configOf(draft), credentials: credentialsOf(draft) ?? null } });
}

async function leaveSite(test: () => Promise<Diagnosis>): Promise<void> {
  const answer = await test();
  if (answer.flavor) return;
  // That there are no credentials yet is known.
  const findings = answer.findings.filter((finding) => finding.code !== "credentials");
  throw refused({ ...answer, findings }, "No Jira answers at this address.");
}

async function leaveSignIn(test: () => Promise<Diagnosis>): Promise<void> {
  const answer = await test();
  if (!answer.ok) throw refused(answer, "The site does not let this sign-in read issues.");
}

function refused(answer: Diagnosis, otherwise: string): Problem {
  const worst = answer.findings.find((finding) => finding.severity === "error");
  return new Problem(422, worst?.message ?? otherwise, worst?.fix ?? "");
}

async function save(draft: Draft, id: string | null): Promise<void> {
  const saved = await ask<Connector>("POST", "/v1/connector/set", { body: bodyOf(draft, id) });
  if (!id) await ask("POST", `/v1/connector/${saved.id}/sync`).catch(ignoreUnderWay);
  navigate(`/connectors/${saved.id}`);
}

/** The schedule may have been quicker: then a run is under way already. */
function ignoreUnderWay(error: unknown): void {
  if (!(error instanceof Problem) || error.status !== 409) throw error;
}

