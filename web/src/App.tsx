/** Who is signed in, and which view does the address name? */
import { Component, useCallback, useEffect, useState, type ReactNode } from "react";

import { ask, onSignedOut, type Problem } from "./api/client";
import type { Session } from "./api/types";
import { asProblem } from "./api/useLoad";
import { later } from "./parts/later";
import { Empty, ProblemNote, Skeleton } from "./parts/Notes";
import { short } from "./parts/text";
import { ThemeButton } from "./parts/Theme";
import { Link, navigate, usePath } from "./router";
import { SearchView } from "./search/SearchView";
import { SignIn } from "./signin/SignIn";

const WAITING = (
  <div className="page">
    <Skeleton lines={10} />
  </div>
);
const Connectors = later(async () => (await import("./connectors/ConnectorsView")).ConnectorsView, WAITING);
const Connector = later(async () => (await import("./connectors/ConnectorView")).ConnectorView, WAITING);
const Connect = later(async () => (await import("./connectors/ConnectView")).ConnectView, WAITING);
const Health = later(async () => (await import("./health/HealthView")).HealthView, WAITING);
const Keys = later(async () => (await import("./keys/KeysView")).KeysView, WAITING);

const AHEAD: [RegExp, { ahead: () => void }][] = [
  [/^\/connectors$/, Connectors],
  [/^\/connectors\/(?:new$|[^/]+\/edit)/, Connect],
  [/^\/connectors\/./, Connector],
  [/^\/health/, Health],
  [/^\/keys/, Keys],
];

// The view of the address is loaded while it is still asked who is signed in.
AHEAD.find(([pattern]) => pattern.test(location.pathname))?.[1].ahead();

type Standing = { session: Session | null; problem: Problem | null; known: boolean; ended: boolean };
const AGAIN_MS = 3000;

export function App(): ReactNode {
  const [{ session, problem, known, ended }, stand] = useState<Standing>({ session: null, problem: null, known: false, ended: false });
  const path = usePath();
  const look = useCallback(() => {
    ask<Session>("GET", "/v1/session").then(
      (found) => stand({ session: found, problem: null, known: true, ended: false }),
      (error: unknown) => {
        const said = asProblem(error);
        if (said.status === 401) stand((old) => ({ session: null, problem: null, known: true, ended: old.ended }));
        else stand((old) => ({ ...old, problem: said }));
      },
    );
  }, []);
  useEffect(look, [look]);
  useEffect(() => onSignedOut(() => stand((old) => ({ session: null, problem: null, known: true, ended: old.session !== null }))), []);
  useEffect(() => {
    if (!problem) return undefined;
    const timer = setTimeout(look, AGAIN_MS);
    return () => clearTimeout(timer);
  }, [problem, look]);
  useTitle(path);
  if (!known) return problem ? <div className="page narrow"><ProblemNote problem={problem} retry={look} /></div> : <Skeleton lines={8} />;
  if (!session || path === "/signin") return <SignIn ended={ended} session={session} onSession={(found) => signedIn(found, stand, path)} />;
  return (
    <Shell session={session} path={path} onSignOut={() => stand({ session: null, problem: null, known: true, ended: false })}>
      <Fence key={path}>
        <View path={path} session={session} />
      </Fence>
    </Shell>
  );
}

function signedIn(session: Session, stand: (standing: Standing) => void, path: string): void {
  stand({ session, problem: null, known: true, ended: false });
  if (path === "/signin") navigate("/", { replace: true });
}

const TITLES: [RegExp, string][] = [
  [/^\/connectors\/new$/, "Connect a site"],
  [/^\/connectors/, "Connectors"],
  [/^\/health/, "Health"],
  [/^\/keys/, "Keys"],
  [/^\/signin/, "Sign in"],
];

function useTitle(path: string): void {
  useEffect(() => {
    const title = TITLES.find(([pattern]) => pattern.test(path))?.[1] ?? "Search";
    document.title = `${title} · jirakb`;
  }, [path]);
}

function View({ path, session }: { path: string; session: Session }): ReactNode {
  if (path === "/" || path === "/search") return <SearchView scope={session.scope} />;
  if (session.scope === "search") return <NotAllowed scope={session.scope} />;
  if (path === "/connectors") return <Connectors.View scope={session.scope} />;
  if (path === "/connectors/new") return <Connect.View id={null} />;
  const [, id, rest] = /^\/connectors\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (id && rest === "edit") return <Connect.View id={id} />;
  if (id) return <Connector.View id={id} tab={rest ?? "overview"} scope={session.scope} />;
  if (path === "/health") return <Health.View />;
  if (path === "/keys") return session.scope === "admin" ? <Keys.View own={session.key_id} /> : <NotAllowed scope={session.scope} />;
  return (
    <Empty title="There is no such page">
      <Link to="/">Go to the search</Link>
    </Empty>
  );
}

function NotAllowed({ scope }: { scope: string }): ReactNode {
  return (
    <Empty title="This key may not do that">
      <p>It has the scope “{scope}”. Sign in with another key, or ask whoever made it.</p>
    </Empty>
  );
}

const VIEWS = [
  ["/", "Search", "search"],
  ["/connectors", "Connectors", "sync"],
  ["/health", "Health", "sync"],
  ["/keys", "Keys", "admin"],
] as const;
const RANKS = { search: 0, sync: 1, admin: 2 };

function Shell({ session, path, onSignOut, children }: { session: Session; path: string; onSignOut: () => void; children: ReactNode }): ReactNode {
  const out = (): void => {
    ask("DELETE", "/v1/session").then(onSignOut, onSignOut);
  };
  const isHere = (to: string): boolean => (to === "/" ? path === "/" || path === "/search" : path.startsWith(to));
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="bar">
        <Link to="/" className="name">
          jirakb
        </Link>
        <nav aria-label="Views">
          {VIEWS.filter(([, , scope]) => RANKS[session.scope] >= RANKS[scope]).map(([to, label]) => (
            <Link key={to} to={to} aria-current={isHere(to) ? "page" : undefined}>
              {label}
            </Link>
          ))}
        </nav>
        <span className="who wide" title={`Scope ${session.scope}`}>
          <bdi>{short(session.name, 40)}</bdi>
        </span>
        <ThemeButton />
        <button type="button" className="quiet" onClick={out}>
          Sign out
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

/** A fault of a view is told in its place; the rest of the page stays. */
class Fence extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    if (!this.state.error) return this.props.children;
    return (
      <Empty title="This view has failed">
        <p>{short(this.state.error.message, 300)}</p>
        <button type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </Empty>
    );
  }
}
