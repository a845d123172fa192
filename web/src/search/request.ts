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
  { facet: "year", param: "year", filter: "years", label: "Created in" },
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

/** Without words there is nothing to be relevant to: "" is then the last update, too. */
export const ORDERS_WITHOUT_WORDS = [["", "Updated last"], ...ORDERS.slice(2)] as const;

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
  const filter: Record<string, string[]> = {};
  for (const of of FACETS) {
    const values = chosenOf(params, of);
    if (values.length) filter[of.filter] = values;
  }
  return filter as Partial<NonNullable<SearchRequest["filter"]>> as SearchRequest["filter"];
}

/** The values of a facet that are chosen; "" is none. */
export function chosenOf(params: URLSearchParams, { param }: FacetOf): string[] {
  const values = params.getAll(param).map((value) => (value === NONE ? "" : value));
  return param === "year" ? values.filter((value) => /^(\d{4})?$/.test(value)) : values;
}

export function toggled(params: URLSearchParams, { param }: FacetOf, value: string): Params {
  const named = value || NONE;
  const held = params.getAll(param);
  return { [param]: held.includes(named) ? held.filter((each) => each !== named) : [...held, named] };
}

export interface Chip {
  of: FacetOf;
  value: string;
}

export function chipsOf(params: URLSearchParams): Chip[] {
  return FACETS.flatMap((of) => chosenOf(params, of).map((value) => ({ of, value })));
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
    const name = of.param === "year" ? "created" : (names[of.param] ?? of.param);
    const given = values.filter(Boolean);
    const parts = of.param === "year" ? given.map(inYear) : given.length ? [`${name} in (${given.map((value) => JSON.stringify(value)).join(", ")})`] : [];
    if (values.includes("")) parts.push(`${name} is empty`);
    return [parts.length > 1 ? `(${parts.join(" or ")})` : (parts[0] ?? "")];
  }).join(" and ");
}

function inYear(year: string): string {
  return `(created >= "${year}-01-01" and created < "${Number(year) + 1}-01-01")`;
}
