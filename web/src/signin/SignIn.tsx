/** Who are you? An API key, or the code of the link that the terminal printed; the session itself stays in a cookie. */
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";

import { ask } from "../api/client";
import type { Session } from "../api/types";
import { useAction } from "../api/useLoad";
import { TextField } from "../parts/Field";
import { ProblemNote } from "../parts/Notes";
import { ThemeButton } from "../parts/Theme";
import { navigate } from "../router";

interface Props {
  ended: boolean;
  session: Session | null;
  onSession: (session: Session) => void;
}

export function SignIn({ ended, session, onSession }: Props): ReactNode {
  const [key, setKey] = useState("");
  const begin = useAction(async (body: { key: string } | { code: string }) => onSession(await ask<Session>("POST", "/v1/session", { body })));
  const tried = useRef(false);
  const run = begin.run;
  useEffect(() => {
    const code = location.pathname === "/signin" ? decodeURIComponent(location.hash.slice(1)) : "";
    if (tried.current) return;
    tried.current = true;
    if (code) {
      history.replaceState(null, "", "/signin");
      void run({ code });
    } else if (session) navigate("/", { replace: true });
  }, [run, session]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void begin.run({ key: key.trim() });
  };
  return (
    <main className="sign-in">
      <form className="panel" onSubmit={submit}>
        <div className="head">
          <h1>Sign in to jirakb</h1>
          <ThemeButton />
        </div>
        {ended && <p className="note warn" role="status">Your session has ended. Sign in again: the page stays where it was.</p>}
        <TextField
          label="API key"
          type="password"
          name="key"
          autoComplete="current-password"
          placeholder="jkb_…"
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
          hint={
            <>
              The terminal showed one on the first start. Another: <code>jirakb keys create --scope admin</code>
            </>
          }
        />
        <ProblemNote problem={begin.problem} />
        <button type="submit" className="primary" disabled={begin.busy || !key.trim()}>
          {begin.busy ? "Signing in" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
