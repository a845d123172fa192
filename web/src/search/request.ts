/** Which question does the address ask? From its parameters to the body of a search, and back to chips. */
import type { SearchRequest } from "../api/types";
import type { Params } from "../router";

export const FACETS = [
  { facet: "project", param: "project", filter: "projects", label: "Project" },
  { facet: "type", param: "type", filter: "types", label: "Type" },
  { facet: "status", param: "status", filter: "statuses", label: "Status" },
  { facet: "priority", param: "priority", filter: "priorities", label: "Priority" },
  { facet: "assignee", param: "assignee", filter: "assignees", label: "Assignee" },
  { facet: "labels", param: "label", filter: "labels", label: "Label" },
  { facet: "components", param: "component", filter: "components", label: "Component" },
  { facet: "year", param: "year", filter: null, label: "Created in" },
] as const;

export type FacetOf = (typeof FACETS)[number];

/** In the address a value that is none is written so, since an empty one would be left out. */
const NONE = "(none)";

export const ORDERS = [
  ["", "Relevance"],
  ["updated desc", "Updated last"],
  ["created desc", "Newest"],
  ["created asc", "Oldest"],
] as const;

export const PAGE = 50;
const LOOKS_LIKE_QUERY = /^\s*(?:not\s+)?\(*\s*(?:"[^"]{1,80}"|[\w[\].-]{1,80})\s*(?:=|!=|~|!~|<|>|\b(?:in|not|is|was)\b)/i;

export function requestOf(params: URLSearchParams): SearchRequest {
  const query = params.get("q") ?? "";
  const order = params.get("order") ?? "";
  return {
    query,
    kb_id: params.get("kb"),
    filter: filterOf(params),
    mode: (params.get("mode") ?? "hybrid") as "hybrid",
    language: (params.get("lang") ?? "auto") as "auto",
    order: order || (query.trim() ? "" : "updated desc"),
    facets: true,
    explain: params.get("explain") === "1",
    sections_per_issue: 1,
    limit: PAGE,
  };
}

function filterOf(params: URLSearchParams): SearchRequest["filter"] {
  const filter: Record<string, unknown> = {};
  for (const { param, filter: name } of FACETS) {
    const values = params.getAll(param).map((value) => (value === NONE ? "" : value));
    if (name && values.length) filter[name] = values;
  }
  return { ...filter, ...yearsOf(params.getAll("year")) } as SearchRequest["filter"];
}

/** From the first of the years to the last: the index takes one span of time. */
function yearsOf(years: string[]): Record<string, string> {
  const known = years.filter((year) => /^\d{4}$/.test(year)).map(Number).sort((a, b) => a - b);
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return {};
  return { created_since: `${first}-01-01T00:00:00Z`, created_before: `${last + 1}-01-01T00:00:00Z` };
}

export function toggled(params: URLSearchParams, { param }: FacetOf, value: string): Params {
  const named = value || NONE;
  const held = params.getAll(param);
  if (held.includes(named)) return { [param]: held.filter((each) => each !== named) };
  return { [param]: param === "year" ? [named] : [...held, named] };
}

export interface Chip {
  of: FacetOf;
  value: string;
}

export function chipsOf(params: URLSearchParams): Chip[] {
  return FACETS.flatMap((of) => params.getAll(of.param).map((value) => ({ of, value: value === NONE ? "" : value })));
}

export function withoutChips(): Params {
  return Object.fromEntries(FACETS.map(({ param }) => [param, null]));
}

/** Whether what is typed is the query language rather than words. */
export function looksLikeQuery(text: string, language: string): boolean {
  return language === "jql" || (language !== "text" && LOOKS_LIKE_QUERY.test(text));
}

/** The chips as a query of the language that Jira's users know. */
export function asQuery(chips: Chip[]): string {
  const names: Record<string, string> = { label: "labels" };
  return FACETS.flatMap((of) => {
    const values = chips.filter((chip) => chip.of.param === of.param).map((chip) => chip.value);
    if (!values.length) return [];
    if (of.param === "year") return [`created >= "${values[0]}-01-01" and created < "${Number(values[0]) + 1}-01-01"`];
    const name = names[of.param] ?? of.param;
    const given = values.filter(Boolean).map((value) => JSON.stringify(value));
    const parts = [given.length ? `${name} in (${given.join(", ")})` : "", values.includes("") ? `${name} is empty` : ""].filter(Boolean);
    return [parts.length > 1 ? `(${parts.join(" or ")})` : (parts[0] ?? "")];
  }).join(" and ");
}
