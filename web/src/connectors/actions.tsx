/** What can be done with a connector? Pause, resume, sync, rebuild, remove: what each will do is said before. */
import { useState, type ReactNode } from "react";

import { ask } from "../api/client";
import type { Connector } from "../api/types";
import { useAction } from "../api/useLoad";
import { ActionDialog } from "../parts/Dialog";
import { SelectField } from "../parts/Field";
import { ProblemNote } from "../parts/Notes";
import { plural, short } from "../parts/text";
import { Link, navigate } from "../router";

interface Props {
  connector: Connector;
  scope: string;
  onDone: () => void;
}

export function isUnderWay(connector: Connector): boolean {
  const state = connector.last_run?.state;
  return state === "running" || state === "queued";
}

export function ConnectorActions({ connector, scope, onDone }: Props): ReactNode {
  const [asked, askFor] = useState<"rebuild" | "remove" | null>(null);
  const { id } = connector;
  const act = useAction(async (method: string, path: string, body?: unknown) => {
    await ask(method, `/v1/connector/${id}/${path}`, { body });
    onDone();
  });
  const isPaused = connector.state === "paused";
  const done = (): void => {
    askFor(null);
    onDone();
  };
  return (
    <>
      <div className="actions">
        {isPaused ? (
          <button type="button" className="primary" disabled={act.busy} onClick={() => void act.run("PUT", "resume", { resume: true })}>
            Resume
          </button>
        ) : (
          <button type="button" disabled={act.busy || connector.state === "needs_credentials"} onClick={() => void act.run("PUT", "resume", { resume: false })}>
            Pause
          </button>
        )}
        <button type="button" disabled={act.busy || isPaused || isUnderWay(connector) || !connector.has_credentials} onClick={() => void act.run("POST", "sync")}>
          Sync now
        </button>
        <button type="button" disabled={act.busy} onClick={() => askFor("rebuild")}>
          Rebuild…
        </button>
        {scope === "admin" && (
          <>
            <Link className="button" to={`/connectors/${id}/edit`}>
              Edit
            </Link>
            <button type="button" className="danger" onClick={() => askFor("remove")}>
              Remove…
            </button>
          </>
        )}
      </div>
      <ProblemNote problem={act.problem} />
      {asked === "rebuild" && <RebuildDialog connector={connector} onClose={() => askFor(null)} onDone={done} />}
      {asked === "remove" && <RemoveDialog connector={connector} onClose={() => askFor(null)} />}
    </>
  );
}

function RebuildDialog({ connector, onClose, onDone }: { connector: Connector; onClose: () => void; onDone: () => void }): ReactNode {
  const [from, setFrom] = useState("raw");
  const rebuild = async (): Promise<void> => {
    await ask("PUT", `/v1/connector/${connector.id}/rebuild`, { body: { from } });
    onDone();
  };
  return (
    <ActionDialog title="Rebuild the documents" verb="Rebuild" act={rebuild} onClose={onClose}>
      <p>Documents, sections and indexes are made anew; the search goes on meanwhile. It waits behind a run under way.</p>
      <SelectField
        label="From"
        value={from}
        onPick={setFrom}
        choices={[
          ["raw", "what is kept of Jira's answers (no call to Jira)"],
          ["jira", "Jira itself (reads every issue again)"],
        ]}
      />
    </ActionDialog>
  );
}

function RemoveDialog({ connector, onClose }: { connector: Connector; onClose: () => void }): ReactNode {
  const [documents, setDocuments] = useState("delete");
  const { issues, documents: number } = connector.counts;
  const remove = async (): Promise<void> => {
    await ask("POST", `/v1/connector/${connector.id}/rm`, { body: { documents } });
    navigate("/connectors");
  };
  return (
    <ActionDialog title="Remove the connector" verb="Remove" isDangerous act={remove} onClose={onClose}>
      <p>
        <bdi>
          <strong>{short(connector.name, 100)}</strong>
        </bdi>{" "}
        will not sync again, and its credentials go. It has read {plural(issues, "issue")} ({plural(number, "document")}).
      </p>
      <SelectField
        label="Its documents"
        value={documents}
        onPick={setDocuments}
        hint="Documents that another connector has read, too, stay in any case."
        choices={[
          ["delete", `delete them: up to ${plural(number, "document")}`],
          ["keep", "keep them for searching; they will not change any more"],
        ]}
      />
    </ActionDialog>
  );
}
