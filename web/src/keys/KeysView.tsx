/** Who may ask this service, and for what? Keys are made, shown once, and revoked here. */
import { useState, type ReactNode } from "react";

import { ask, query } from "../api/client";
import type { Key, KeyMade, Page } from "../api/types";
import { useLoad } from "../api/useLoad";
import { ActionDialog, Dialog } from "../parts/Dialog";
import { SelectField, TextArea, TextField } from "../parts/Field";
import { ProblemNote, Skeleton } from "../parts/Notes";
import { ago, moment, short } from "../parts/text";
import { useNow } from "../parts/useNow";

const SCOPES = [
  ["search", "search: read and search documents"],
  ["sync", "sync: that, and run connectors"],
  ["admin", "admin: everything"],
] as const;
const EXPIRY = [
  ["30", "in 30 days"],
  ["90", "in 90 days"],
  ["365", "in a year"],
  ["", "never"],
] as const;
const PAGE = 100;
const DAY_MS = 86_400_000;

export function KeysView({ own }: { own: string }): ReactNode {
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const [making, make] = useState(false);
  const keys = useLoad(`keys ${cursor}`, (signal) => ask<Page<Key>>("GET", `/v1/keys${query({ limit: PAGE, cursor })}`, { signal }));
  return (
    <div className="page">
      <div className="head">
        <h1>Keys</h1>
        <button type="button" className="primary" onClick={() => make(true)}>
          Make a key
        </button>
      </div>
      <ProblemNote problem={keys.problem} retry={keys.reload} />
      {!keys.data && !keys.problem && <div className="panel"><Skeleton lines={5} /></div>}
      {keys.data && <KeyTable items={keys.data.items} own={own} onChange={keys.reload} />}
      {(cursors.length > 0 || keys.data?.next_cursor) && (
        <div className="actions">
          <button type="button" disabled={!cursors.length} onClick={() => setCursors(cursors.slice(0, -1))}>
            Back
          </button>
          <button type="button" disabled={!keys.data?.next_cursor} onClick={() => keys.data?.next_cursor && setCursors([...cursors, keys.data.next_cursor])}>
            More
          </button>
        </div>
      )}
      {making && <MakeDialog onClose={() => make(false)} onMade={keys.reload} />}
    </div>
  );
}

function KeyTable({ items, own, onChange }: { items: Key[]; own: string; onChange: () => void }): ReactNode {
  const now = useNow(30_000);
  const [asked, askFor] = useState<Key | null>(null);
  return (
    <div className="panel">
      <div className="table-scroll">
        <table>
          <thead>
            <tr>
              <th>Name</th>
              <th>Scope</th>
              <th>May read</th>
              <th>Made</th>
              <th>Last used</th>
              <th>Expires</th>
              <th>
                <span className="hidden-words">Revoke</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((key) => (
              <tr key={key.id}>
                <td className="named">
                  <bdi>{short(key.name, 100) || "–"}</bdi>
                  {key.id === own && <span className="muted"> (this session)</span>}
                </td>
                <td>{key.scope}</td>
                <td className="named">
                  <bdi>{readsOf(key)}</bdi>
                </td>
                <td className="nowrap">{moment(key.created)}</td>
                <td className="nowrap">{key.used ? ago(key.used, now) : "never"}</td>
                <td className="nowrap">{expiryOf(key, now)}</td>
                <td className="num">
                  {!key.revoked && (
                    <button type="button" className="quiet" onClick={() => askFor(key)} aria-label={`Revoke ${short(key.name, 60)}`}>
                      Revoke…
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {asked && <RevokeDialog known={asked} isOwn={asked.id === own} onClose={() => askFor(null)} onDone={onChange} />}
    </div>
  );
}

function readsOf(key: Key): string {
  if (key.principals.includes("*")) return "everything";
  return key.principals.length ? `unrestricted text and ${short(key.principals.join(", "), 120)}` : "unrestricted text";
}

function expiryOf(key: Key, now: number): ReactNode {
  if (key.revoked) return <span className="badge" data-tone="bad">revoked</span>;
  if (!key.expires) return "never";
  return Date.parse(key.expires) < now ? <span className="badge" data-tone="bad">expired</span> : ago(key.expires, now);
}

function RevokeDialog({ known, isOwn, onClose, onDone }: { known: Key; isOwn: boolean; onClose: () => void; onDone: () => void }): ReactNode {
  const revoke = async (): Promise<void> => {
    await ask("DELETE", `/v1/keys/${known.id}`);
    onDone();
    onClose();
  };
  return (
    <ActionDialog title="Revoke the key" verb="Revoke" isDangerous act={revoke} onClose={onClose}>
      <p>
        Whatever uses <bdi>{short(known.name, 100) || "this key"}</bdi> is refused from now on; it cannot be undone.
        {isOwn && " It is the key of this session: you will be signed out."}
      </p>
    </ActionDialog>
  );
}

function MakeDialog({ onClose, onMade }: { onClose: () => void; onMade: () => void }): ReactNode {
  const [name, setName] = useState("");
  const [scope, setScope] = useState("search");
  const [days, setDays] = useState("365");
  const [principals, setPrincipals] = useState("");
  const [made, setMade] = useState<KeyMade | null>(null);
  const make = async (): Promise<void> => {
    const expires = days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : null;
    const body = { name: name.trim() || null, scope, expires, principals: principals.split("\n").map((line) => line.trim()).filter(Boolean) };
    setMade(await ask<KeyMade>("POST", "/v1/keys", { body }));
    onMade();
  };
  if (made) return <MadeDialog made={made} onClose={onClose} />;
  return (
    <ActionDialog title="Make a key" verb="Make it" act={make} onClose={onClose}>
      <TextField label="Name" required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} hint="Who or what will use it." />
      <SelectField label="Scope" value={scope} onPick={setScope} choices={SCOPES} />
      <SelectField label="Expires" value={days} onPick={setDays} choices={EXPIRY} />
      <TextArea
        label="May read beyond unrestricted text"
        value={principals}
        onChange={(event) => setPrincipals(event.target.value)}
        placeholder="site:…/role:Developers"
        hint="One principal a line; * is everything. Empty: unrestricted text only."
      />
    </ActionDialog>
  );
}

function MadeDialog({ made, onClose }: { made: KeyMade; onClose: () => void }): ReactNode {
  const [said, say] = useState("Copy");
  const copy = (): void => {
    navigator.clipboard.writeText(made.key).then(
      () => say("Copied"),
      () => say("Not allowed"),
    );
  };
  return (
    <Dialog title="The key is made" onClose={onClose}>
      <p>Keep it now: it is not shown again.</p>
      <div className="secret">
        <code>{made.key}</code>
        <button type="button" onClick={copy}>
          {said}
        </button>
      </div>
      <div className="actions">
        <button type="button" className="primary" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
