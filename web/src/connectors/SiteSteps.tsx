/** Which Jira, who signs in, and which issues? The steps that are tried against the site. */
import type { ReactNode } from "react";

import type { Diagnosis, Finding, Preview } from "../api/types";
import { SelectField, TextArea, TextField } from "../parts/Field";
import { count, duration, plural, short } from "../parts/text";
import type { StepProps } from "./ConnectView";
import { hostOf, type Login } from "./draft";

const FLAVORS: Record<string, string> = { cloud: "Jira Cloud", dc: "Jira Data Center" };

export function SiteStep({ draft, change, isNew }: StepProps): ReactNode {
  return (
    <>
      <TextField
        label="Address of the Jira site"
        type="text"
        inputMode="url"
        required
        autoFocus
        placeholder="https://company.atlassian.net"
        value={draft.address}
        onChange={(event) => change({ address: event.target.value })}
        hint="As in the browser. Whether it is Jira Cloud or Data Center is found out."
      />
      <TextField
        label="Name"
        placeholder={hostOf(draft.address) || "Support desk"}
        maxLength={200}
        value={draft.name}
        onChange={(event) => change({ name: event.target.value })}
        hint={isNew ? "What the connector is called here; its knowledge base gets the same name." : "What the connector is called here."}
      />
    </>
  );
}

const LOGINS: [Login, string][] = [
  ["email", "E-mail and API token (Jira Cloud)"],
  ["token", "Token alone (personal access token, or OAuth on Cloud)"],
  ["password", "User name and password (Data Center)"],
];

export function CredentialStep({ draft, change, found, isNew }: StepProps): ReactNode {
  const logins: [Login, string][] = isNew ? LOGINS : [["keep", "Keep the saved credentials"], ...LOGINS];
  return (
    <>
      {found?.flavor && (
        <p className="note good">
          {FLAVORS[found.flavor]} answers at {short(hostOf(draft.address), 100)}.
        </p>
      )}
      <SelectField label="Sign in with" value={draft.login} onPick={(login) => change({ login: login as Login })} choices={logins} />
      {draft.login === "email" && (
        <TextField label="E-mail" type="email" required value={draft.email} onChange={(event) => change({ email: event.target.value })} />
      )}
      {(draft.login === "email" || draft.login === "token") && (
        <TextField
          label={draft.login === "email" ? "API token" : "Token"}
          type="password"
          required
          autoComplete="off"
          value={draft.token}
          onChange={(event) => change({ token: event.target.value })}
          hint="Kept sealed, and sent to the site alone. A token that may only read is enough."
        />
      )}
      {draft.login === "password" && (
        <div className="pair">
          <TextField label="User name" required value={draft.username} onChange={(event) => change({ username: event.target.value })} />
          <TextField label="Password" type="password" required value={draft.password} onChange={(event) => change({ password: event.target.value })} />
        </div>
      )}
      {draft.login === "email" && (
        <label className="field check">
          <input type="checkbox" checked={draft.scoped} onChange={(event) => change({ scoped: event.target.checked })} /> <span>The token has scopes (it works at Atlassian's gateway only)</span>
        </label>
      )}
      {found && !found.ok && found.account && <Findings findings={found.findings} />}
    </>
  );
}

interface ScopeProps extends StepProps {
  onLook: () => void;
  looking: boolean;
}

export function ScopeStep({ draft, change, found, preview, onLook, looking }: ScopeProps): ReactNode {
  const known = [...new Set([...(found?.projects ?? []), ...draft.projects])];
  const toggle = (key: string): void => change({ projects: draft.projects.includes(key) ? draft.projects.filter((each) => each !== key) : [...draft.projects, key] });
  return (
    <>
      {found?.account && <SignedIn found={found} />}
      <fieldset className="form">
        <legend>What to read</legend>
        <label className="field check">
          <input type="radio" name="scope" checked={draft.all} onChange={() => change({ all: true })} /> <span>Every project that this account sees</span>
        </label>
        <label className="field check">
          <input type="radio" name="scope" checked={!draft.all} onChange={() => change({ all: false })} /> <span>Some projects</span>
        </label>
        {!draft.all && <Projects known={known} picked={draft.projects} onToggle={toggle} onAdd={(keys) => change({ projects: [...new Set([...draft.projects, ...keys])] })} />}
      </fieldset>
      <TextArea
        label="And only issues that match (JQL)"
        placeholder="priority = High AND status != Closed"
        value={draft.jql}
        onChange={(event) => change({ jql: event.target.value })}
        hint="Leave it empty to read all of them."
      />
      <div className="actions">
        <button type="button" onClick={onLook} disabled={looking}>
          {looking ? "Counting" : "Count and show samples"}
        </button>
        {preview && <span role="status">{plural(preview.issues, "issue")}</span>}
      </div>
      {preview && <Samples preview={preview} />}
    </>
  );
}

function SignedIn({ found }: { found: Diagnosis }): ReactNode {
  const { estimate } = found;
  return (
    <div className="note good">
      <span>
        Signed in as <bdi>{short(accountOf(found), 100)}</bdi>; {plural(found.projects.length, "project")} in sight.
      </span>
      {estimate && (
        <span>
          Everything: {plural(estimate.issues, "issue")}, about {plural(estimate.calls, "call")} and {atLeastASecond(estimate.seconds)} of fetching.
        </span>
      )}
      <Findings findings={found.findings.filter((finding) => finding.severity !== "info")} />
    </div>
  );
}

function atLeastASecond(seconds: number): string {
  return duration(Math.max(1, seconds));
}

function accountOf(found: Diagnosis): string {
  const said = found.findings.find((finding) => finding.code === "account")?.message ?? "";
  return /signed in as (.+)\.$/.exec(said)?.[1] ?? found.account ?? "";
}

export function Findings({ findings }: { findings: Finding[] }): ReactNode {
  if (!findings.length) return null;
  return (
    <ul className="findings">
      {findings.map((finding) => (
        <li key={finding.code + finding.message}>
          <span className="badge" data-tone={{ error: "bad", warning: "warn", info: "calm" }[finding.severity]}>
            {finding.severity}
          </span>
          <span>{short(finding.message, 600)}</span>
          {finding.fix && <span className="hint">{short(finding.fix, 600)}</span>}
        </li>
      ))}
    </ul>
  );
}

function Projects({ known, picked, onToggle, onAdd }: { known: string[]; picked: string[]; onToggle: (key: string) => void; onAdd: (keys: string[]) => void }): ReactNode {
  return (
    <>
      {known.length > 0 && (
        <div className="projects" role="group" aria-label="Projects">
          {known.map((key) => (
            <label key={key}>
              <input type="checkbox" checked={picked.includes(key)} onChange={() => onToggle(key)} /> <bdi>{short(key, 60)}</bdi>
            </label>
          ))}
        </div>
      )}
      <TextField
        label="Other project keys"
        placeholder="OPS, GROW"
        hint="Only the first projects of a large site are listed; press Enter or leave the field to add."
        onBlur={(event) => {
          onAdd(keysIn(event.target.value));
          event.target.value = "";
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          onAdd(keysIn(event.currentTarget.value));
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}

function keysIn(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

function Samples({ preview }: { preview: Preview }): ReactNode {
  return preview.documents.map((sample) => (
    <details key={sample.key} className="sample">
      <summary>
        <span className="key">{short(sample.key, 60)}</span> <bdi>{short(sample.title, 200)}</bdi>
      </summary>
      <pre tabIndex={0}>{sample.markdown.slice(0, 20_000)}</pre>
    </details>
  ));
}

export function costWords(found: Diagnosis | null, preview: Preview | null): string {
  const issues = preview?.issues ?? found?.estimate?.issues;
  if (issues === undefined || issues === null) return "";
  const whole = found?.estimate;
  const share = whole?.issues ? Math.min(1, issues / whole.issues) : 1;
  const cost = whole ? `, about ${count(Math.ceil(whole.calls * share))} calls and ${atLeastASecond(whole.seconds * share)} of fetching` : "";
  return `${plural(issues, "issue")}${cost}. Search by meaning follows while it can be searched already.`;
}
