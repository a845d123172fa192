/** Do the address and the forms say what they mean? */
import { describe, expect, test } from "vitest";

import { query } from "../src/api/client";
import { addressOf, bodyOf, configOf, draftOf, FRESH, withoutOrder } from "../src/connectors/draft";
import { scaleOf, stretches } from "../src/parts/Plot";
import { ago, duration, every, moment, plural, short, size, tame } from "../src/parts/text";
import { changed } from "../src/router";
import { asQuery, chipsOf, FACETS, looksLikeQuery, requestOf, toggled } from "../src/search/request";

const params = (text: string): URLSearchParams => new URLSearchParams(text);
const [PROJECT] = FACETS;

describe("the address of a search", () => {
  test("is the question", () => {
    const request = requestOf(params("q=pump&project=A&project=B&label=x&year=2024&year=2025&mode=text&order=created+asc&explain=1"));
    expect(request).toMatchObject({
      query: "pump", mode: "text", order: "created asc", explain: true,
      filter: { projects: ["A", "B"], labels: ["x"], years: ["2024", "2025"] },
    });
  });

  test("asks for the newest where nothing is asked", () => {
    expect(requestOf(params("")).order).toBe("updated desc");
    expect(requestOf(params("q=x")).order).toBe("");
  });

  test("takes values in and out", () => {
    expect(toggled(params("project=A"), PROJECT, "B")).toEqual({ project: ["A", "B"] });
    expect(toggled(params("project=A"), PROJECT, "A")).toEqual({ project: [] });
    expect(changed("?a=1&b=2", { a: null, c: ["x", "y"] })).toBe("?b=2&c=x&c=y");
  });

  test("can say that a field is empty", () => {
    const there = params(changed("", toggled(params(""), PROJECT, "")).slice(1));
    expect(chipsOf(there)).toEqual([{ of: PROJECT, value: "" }]);
    expect(requestOf(there).filter).toEqual({ projects: [""] });
  });

  test("can be said as a query", () => {
    expect(asQuery(chipsOf(params("project=A&project=B&label=x+y&assignee=(none)")))).toBe(
      'project in ("A", "B") and assignee is empty and labels in ("x y")',
    );
    expect(asQuery(chipsOf(params("year=2022&year=2024&type=Bug")))).toBe(
      'type in ("Bug") and ((created >= "2022-01-01" and created < "2023-01-01") or (created >= "2024-01-01" and created < "2025-01-01"))',
    );
    expect(chipsOf(params("year=%3Cb%3E"))).toEqual([]);
  });

  test.each([["project = X", true], ["labels in (a)", true], ["(status != Done)", true], ["is it in here", false], ["pump stops", false]])("%s", (text, is) => {
    expect(looksLikeQuery(text, "auto")).toBe(is);
  });
});

describe("a connector's form", () => {
  test("reads everything unless something is picked", () => {
    expect(configOf({ ...FRESH, address: "jira.example.com/" })).toMatchObject({ base_url: "https://jira.example.com", project_key: "*", jql_query: null });
  });

  test("makes several projects and a query one query, without its order", () => {
    const config = configOf({ ...FRESH, all: false, projects: ["A", "B"], jql: 'x = 1 or y = "order by" ORDER BY z' });
    expect(config).toMatchObject({ project_key: null, jql_query: 'project in ("A", "B") AND (x = 1 or y = "order by")' });
  });

  test("names one project by its key", () => {
    expect(configOf({ ...FRESH, all: false, projects: ["A"], jql: "x = 1" })).toMatchObject({ project_key: "A", jql_query: "x = 1" });
  });

  test("leaves saved credentials alone", () => {
    const body = bodyOf({ ...FRESH, address: "https://a.example", login: "keep" }, "1");
    expect(body).not.toHaveProperty("credentials");
    expect(body).toMatchObject({ id: "1", name: "a.example" });
  });

  test("comes back as it was saved", () => {
    const config = configOf({ ...FRESH, address: "https://a.example", labelsToSkip: "x, y", offset: "-5", attachments: true, attachmentMegabytes: "50", jql: "q", history: true, fieldsIncluded: "Customer, Root cause", fieldsExcluded: "Rank" });
    expect(config).toMatchObject({ include_history: true, fields: { include: ["Customer", "Root cause"], exclude: ["Rank"] } });
    const saved = { name: "n", config, has_credentials: true, refresh_freq: 60, prune_freq: null } as unknown as Parameters<typeof draftOf>[0];
    expect(configOf(draftOf(saved))).toEqual({ ...config, project_key: config.project_key });
  });

  test.each([
    ["A, B", "", ["A", "B"], ""],
    ["A, B", 'x = ")" or (y = 1)', ["A", "B"], 'x = ")" or (y = 1)'],
  ])("shows the projects %s again that were picked, with %s", (_, jql, projects, shown) => {
    const config = configOf({ ...FRESH, address: "https://a.example", all: false, projects: ["A", "B"], jql });
    const draft = draftOf({ name: "n", config, has_credentials: true } as unknown as Parameters<typeof draftOf>[0]);
    expect(draft).toMatchObject({ all: false, projects, jql: shown });
    expect(configOf(draft)).toEqual(config);
  });

  test("leaves a query as it was written that only begins with projects", () => {
    const jql = 'project in ("A", "B") AND (x = 1) OR (y = 2)';
    const config = configOf({ ...FRESH, address: "https://a.example", jql });
    expect(draftOf({ name: "n", config, has_credentials: true } as unknown as Parameters<typeof draftOf>[0])).toMatchObject({ all: true, projects: [], jql });
  });

  test("keeps the scheme that was typed", () => {
    expect(addressOf("http://localhost:1/jira/")).toBe("http://localhost:1/jira");
    expect(withoutOrder("a = 1")).toBe("a = 1");
  });
});

describe("words", () => {
  test("of time and size", () => {
    const now = Date.parse("2026-11-24T00:00:00Z");
    expect(ago("2026-11-23T23:57:00Z", now)).toBe("3 min ago");
    expect(ago("2026-11-24T02:00:00Z", now)).toBe("in 2 h");
    expect(ago("2024-11-24T12:00:00Z", now)).toBe(moment("2024-11-24T12:00:00Z").slice(0, 10));
    expect(ago(null, now)).toBe("–");
    expect([duration(0.2), duration(59), duration(7200)]).toEqual(["200 ms", "59 s", "2 h"]);
    expect([every(1), every(15), every(60), every(360), every(1440), every(10_080)]).toEqual([
      "every minute", "every 15 minutes", "every hour", "every 6 hours", "every day", "every 7 days",
    ]);
    expect([size(0), size(2048), size(3 << 20)]).toEqual(["0 B", "2 KB", "3 MB"]);
    expect([plural(1, "issue"), plural(2000, "issue")]).toEqual(["1 issue", "2,000 issues"]);
  });

  test("of others are cut and tamed", () => {
    expect(short("a\n b\u202e", 10)).toBe("a b");
    expect(short("x".repeat(50), 10)).toBe(`${"x".repeat(10)}…`);
    expect(tame("a\u0000b")).toBe("a\ufffdb");
    expect(query({ a: 1, b: "", c: null, d: "x y" })).toBe("?a=1&d=x+y");
  });
});

test("a plot's scale holds its steps and never divides by nothing", () => {
  const scale = scaleOf(2, [{ name: "a", values: [4, null] }, { name: "b", values: [0, 8] }]);
  expect(scale.top).toBe(8);
  expect(scale.middle(0)).toBeLessThan(scale.middle(1));
  expect(scale.y(8)).toBeLessThan(scale.y(0));
  expect(Number.isFinite(scaleOf(0, []).y(0))).toBe(true);
});

test("a line is broken where nothing is known", () => {
  expect(stretches([null, 1, 2, null, 0, null])).toEqual([[[1, 1], [2, 2]], [[4, 0]]]);
});
