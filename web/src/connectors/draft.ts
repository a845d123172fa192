/** What was filled in so far? The form of a connector as texts, and what is sent of it. */
import type { Connector, ConnectorSet } from "../api/types";

export type Login = "email" | "token" | "password" | "keep";

export interface Draft {
  name: string;
  address: string;
  login: Login;
  email: string;
  token: string;
  scoped: boolean;
  username: string;
  password: string;
  all: boolean;
  projects: string[];
  jql: string;
  comments: boolean;
  attachments: boolean;
  attachmentMegabytes: string;
  labelsToSkip: string;
  blacklist: string;
  history: boolean;
  fieldsIncluded: string;
  fieldsExcluded: string;
  batch: string;
  offset: string;
  meaning: string;
  refresh: string;
  prune: string;
}

export const FRESH: Draft = {
  name: "", address: "", login: "email", email: "", token: "", scoped: false, username: "", password: "",
  all: true, projects: [], jql: "", comments: true, attachments: false, attachmentMegabytes: "10", labelsToSkip: "",
  blacklist: "", history: false, fieldsIncluded: "", fieldsExcluded: "", batch: "50", offset: "", meaning: "minilm", refresh: "15", prune: "1440",
};

const MEGABYTE = 1024 * 1024;

export function draftOf(connector: Connector): Draft {
  const { config } = connector;
  const project = config.project_key ?? "";
  const several = project ? null : pickedOf(config.jql_query ?? "");
  return {
    ...FRESH,
    name: connector.name,
    address: config.base_url,
    login: connector.has_credentials ? "keep" : "email",
    scoped: config.scoped_token ?? false,
    all: !several && (project === "*" || !project),
    projects: several?.projects ?? (project && project !== "*" ? [project] : []),
    jql: several?.jql ?? config.jql_query ?? "",
    comments: config.include_comments ?? true,
    attachments: config.include_attachments ?? false,
    attachmentMegabytes: String((config.attachment_size_limit ?? 10 * MEGABYTE) / MEGABYTE),
    labelsToSkip: (config.labels_to_skip ?? []).join(", "),
    blacklist: (config.comment_email_blacklist ?? []).join(", "),
    history: config.include_history ?? false,
    fieldsIncluded: (config.fields?.include ?? []).join(", "),
    fieldsExcluded: (config.fields?.exclude ?? []).join(", "),
    batch: String(config.batch_size ?? 50),
    offset: config.timezone_offset === null || config.timezone_offset === undefined ? "" : String(config.timezone_offset),
    meaning: config.embeddings ?? "minilm",
    refresh: connector.refresh_freq ? String(connector.refresh_freq) : "",
    prune: connector.prune_freq ? String(connector.prune_freq) : "",
  };
}

/** The projects that `configOf` wrote into a query, and the rest of it. */
function pickedOf(jql: string): { projects: string[]; jql: string } | null {
  const found = /^project in \(((?:"[^"\\]+", )+"[^"\\]+")\)(?: AND \((.*)\))?$/s.exec(jql);
  const rest = found?.[2] ?? "";
  return found && isClosed(rest) ? { projects: JSON.parse(`[${found[1]}]`) as string[], jql: rest } : null;
}

/** Whether no bracket is closed that was not opened before. */
function isClosed(jql: string): boolean {
  let depth = 0;
  for (const sign of unquoted(jql)) {
    depth += sign === "(" ? 1 : sign === ")" ? -1 : 0;
    if (depth < 0) return false;
  }
  return depth === 0;
}

type Config = NonNullable<ConnectorSet["config"]>;

/** The configuration; several projects become part of the JQL. */
export function configOf(draft: Draft): Config {
  const jql = draft.jql.trim();
  const picked = draft.all ? [] : draft.projects;
  const several = picked.length > 1 ? `project in (${picked.map((key) => JSON.stringify(key)).join(", ")})` : "";
  const single = picked.length === 1 ? (picked[0] ?? null) : null;
  const everything = draft.all && !jql ? "*" : null;
  return {
    base_url: addressOf(draft.address),
    project_key: single ?? everything,
    jql_query: several && jql ? `${several} AND (${withoutOrder(jql)})` : several || jql || null,
    batch_size: Number(draft.batch),
    include_comments: draft.comments,
    include_attachments: draft.attachments,
    attachment_size_limit: Math.round(Number(draft.attachmentMegabytes) * MEGABYTE),
    labels_to_skip: listOf(draft.labelsToSkip),
    comment_email_blacklist: listOf(draft.blacklist),
    include_history: draft.history,
    fields: { include: listOf(draft.fieldsIncluded), exclude: listOf(draft.fieldsExcluded) },
    scoped_token: draft.scoped && draft.login === "email",
    timezone_offset: draft.offset.trim() === "" ? null : Number(draft.offset),
    embeddings: draft.meaning,
  } as Config;
}

export function addressOf(typed: string): string {
  const bare = typed.trim().replace(/\/+$/, "");
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(bare) || !bare ? bare : `https://${bare}`;
}

/** A query's order means nothing to a sync, and cannot stand inside brackets. */
export function withoutOrder(jql: string): string {
  const order = /\border\s+by\b/i.exec(unquoted(jql));
  return order ? jql.slice(0, order.index).trim() : jql;
}

/** The query with something else of the same length in place of what is quoted. */
function unquoted(jql: string): string {
  return jql.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, (quoted) => "x".repeat(quoted.length));
}

function listOf(text: string): string[] {
  return text.split(",").map((part) => part.trim()).filter(Boolean);
}

type GivenCredentials = NonNullable<ConnectorSet["credentials"]>;

/** What signs in; undefined where the saved ones stay. */
export function credentialsOf(draft: Draft): GivenCredentials | undefined {
  if (draft.login === "email") return { jira_user_email: draft.email.trim(), jira_api_token: draft.token.trim() };
  if (draft.login === "token") return { jira_api_token: draft.token.trim() };
  if (draft.login === "password") return { jira_username: draft.username.trim(), jira_password: draft.password };
  return undefined;
}

export function hasCredentials(draft: Draft): boolean {
  if (draft.login === "email") return Boolean(draft.email.trim() && draft.token.trim());
  if (draft.login === "token") return Boolean(draft.token.trim());
  if (draft.login === "password") return Boolean(draft.username.trim() && draft.password);
  return true;
}

export function bodyOf(draft: Draft, id: string | null): ConnectorSet {
  const credentials = credentialsOf(draft);
  return {
    ...(id ? { id } : {}),
    name: draft.name.trim() || hostOf(draft.address),
    source: "jira",
    config: configOf(draft),
    ...(credentials ? { credentials } : {}),
    refresh_freq: draft.refresh ? Number(draft.refresh) : null,
    prune_freq: draft.prune ? Number(draft.prune) : null,
  } as ConnectorSet;
}

export function hostOf(address: string): string {
  const full = addressOf(address);
  return URL.canParse(full) ? new URL(full).host : full;
}
