/** How are issues read, and when? The specification's parameters with their defaults, in plain words. */
import type { ReactNode } from "react";

import { CheckField, SelectField, TextField } from "../parts/Field";
import { every } from "../parts/text";
import type { StepProps } from "./ConnectView";
import { costWords } from "./SiteSteps";

export function OptionsStep({ draft, change }: StepProps): ReactNode {
  return (
    <>
      <CheckField label="Comments" checked={draft.comments} onChange={(event) => change({ comments: event.target.checked })} hint="They are part of each issue's document." />
      <CheckField
        label="Attachments"
        checked={draft.attachments}
        onChange={(event) => change({ attachments: event.target.checked })}
        hint="Their text becomes documents of their own. Without it they are listed only."
      />
      {draft.attachments && (
        <TextField
          label="Largest attachment (MB)"
          type="number"
          min={0}
          max={2048}
          step="any"
          required
          value={draft.attachmentMegabytes}
          onChange={(event) => change({ attachmentMegabytes: event.target.value })}
          hint="Default 10. Larger ones are listed only."
        />
      )}
      <TextField label="Labels to skip" placeholder="wontfix, duplicate" value={draft.labelsToSkip} onChange={(event) => change({ labelsToSkip: event.target.value })} hint="Issues with one of these labels are left out. Separated by commas." />
      <TextField label="No comments from" placeholder="noreply@company.com" value={draft.blacklist} onChange={(event) => change({ blacklist: event.target.value })} hint="E-mail addresses whose comments are left out, such as those of robots." />
      <CheckField label="History" checked={draft.history} onChange={(event) => change({ history: event.target.checked })} hint="Who changed which field, from what to what, becomes part of each issue's document." />
      <div className="pair">
        <TextField label="Only these custom fields" placeholder="all that tell something" value={draft.fieldsIncluded} onChange={(event) => change({ fieldsIncluded: event.target.value })} hint="Names, separated by commas; * stands for the usual ones." />
        <TextField label="Without these fields" value={draft.fieldsExcluded} onChange={(event) => change({ fieldsExcluded: event.target.value })} hint="Names, separated by commas, such as Rank." />
      </div>
      <SelectField label="Search by meaning" value={draft.meaning} onPick={(meaning) => change({ meaning })} choices={MODELS} hint="Finds issues that say the same in other words." />
      <div className="pair">
        <TextField label="Issues per task" type="number" min={1} max={500} required value={draft.batch} onChange={(event) => change({ batch: event.target.value })} hint="Default 50; from 1 to 500." />
        <TextField
          label="Time zone (hours from UTC)"
          type="number"
          min={-14}
          max={14}
          step="any"
          placeholder="the account's own"
          value={draft.offset}
          onChange={(event) => change({ offset: event.target.value })}
          hint="Only where the account's profile is wrong."
        />
      </div>
    </>
  );
}

const MODELS: [string, string][] = [
  ["minilm", "with the built-in model: costs processor time once per text"],
  ["openai", "with the model of the service's settings: texts are sent there"],
  ["none", "no"],
];
const REFRESH: [string, string][] = [...[5, 15, 60, 360, 1440].map(choice), ["", "only when I say so"]];
const PRUNE: [string, string][] = [...[360, 1440, 10_080].map(choice), ["", "with a sync, once a day"]];

export function ScheduleStep({ draft, change, found, preview, isNew }: StepProps): ReactNode {
  const cost = costWords(found, preview);
  return (
    <>
      <SelectField label="Look for changes" value={draft.refresh} onPick={(refresh) => change({ refresh })} choices={withOwn(REFRESH, draft.refresh)} hint="A sync without changes costs the site two or three calls." />
      <SelectField label="Look for deleted issues" value={draft.prune} onPick={(prune) => change({ prune })} choices={withOwn(PRUNE, draft.prune)} hint="Every id is listed, and what is gone is taken out." />
      {isNew && cost && <p className="note">The first sync reads {cost}</p>}
    </>
  );
}

function withOwn(choices: [string, string][], value: string): [string, string][] {
  return choices.some(([choice]) => choice === value) ? choices : [[value, every(Number(value))], ...choices];
}

function choice(minutes: number): [string, string] {
  return [String(minutes), every(minutes)];
}
