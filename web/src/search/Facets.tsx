/** How do the hits divide? Each value with its count; a click narrows the search to it. */
import { useState, type ReactNode } from "react";

import type { FacetValue } from "../api/types";
import { count, short } from "../parts/text";
import { FACETS, type FacetOf } from "./request";

interface Props {
  facets: Record<string, FacetValue[]>;
  chosen: (of: FacetOf) => string[];
  onPick: (of: FacetOf, value: string) => void;
}

const AT_FIRST = 7;

export function Facets({ facets, chosen, onPick }: Props): ReactNode {
  return FACETS.map((of) => {
    const values = withChosen(facets[of.facet] ?? [], chosen(of));
    return values.length ? <Facet key={of.facet} of={of} values={values} chosen={chosen(of)} onPick={onPick} /> : null;
  });
}

function withChosen(values: FacetValue[], chosen: string[]): FacetValue[] {
  const lost = chosen.filter((value) => !values.some((each) => each.value === value));
  return [...values, ...lost.map((value) => ({ value, count: 0 }))];
}

function Facet({ of, values, chosen, onPick }: { of: FacetOf; values: FacetValue[]; chosen: string[]; onPick: Props["onPick"] }): ReactNode {
  const [all, showAll] = useState(false);
  const shown = values.filter(({ value }, place) => all || place < AT_FIRST || chosen.includes(value));
  return (
    <details open>
      <summary>{of.label}</summary>
      <ul>
        {shown.map(({ value, count: number }) => (
          <li key={value}>
            <button type="button" className="facet" aria-pressed={chosen.includes(value)} onClick={() => onPick(of, value)}>
              <bdi>{short(value, 80) || "none"}</bdi> <span className="num">{count(number)}</span>
            </button>
          </li>
        ))}
      </ul>
      {(all ? values.length > AT_FIRST : shown.length < values.length) && (
        <button type="button" className="quiet" onClick={() => showAll(!all)}>
          {all ? "Fewer" : `${values.length - shown.length} more`}
        </button>
      )}
    </details>
  );
}
