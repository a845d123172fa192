/** One thing that a form asks for: its name, what it means, and what is wrong with it. */
import { useId, type InputHTMLAttributes, type ReactNode, type TextareaHTMLAttributes } from "react";

interface Words {
  label: string;
  hint?: ReactNode;
  error?: string;
}

export function TextField({ label, hint, error, ...rest }: Words & InputHTMLAttributes<HTMLInputElement>): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-describedby={`${id}-hint`} aria-invalid={Boolean(error)} autoComplete="off" spellCheck={false} {...rest} />
      <Below id={id} hint={hint} error={error} />
    </div>
  );
}

export function TextArea({ label, hint, error, ...rest }: Words & TextareaHTMLAttributes<HTMLTextAreaElement>): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} aria-describedby={`${id}-hint`} aria-invalid={Boolean(error)} spellCheck={false} rows={3} {...rest} />
      <Below id={id} hint={hint} error={error} />
    </div>
  );
}

export function CheckField({ label, hint, ...rest }: Words & InputHTMLAttributes<HTMLInputElement>): ReactNode {
  const id = useId();
  return (
    <div className="field check">
      <input id={id} type="checkbox" aria-describedby={`${id}-hint`} {...rest} />
      <div>
        <label htmlFor={id}>{label}</label>
        <Below id={id} hint={hint} />
      </div>
    </div>
  );
}

interface Choice extends Words {
  value: string;
  onPick: (value: string) => void;
  choices: readonly (readonly [string, string])[];
}

export function SelectField({ label, hint, error, value, onPick, choices }: Choice): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} aria-describedby={`${id}-hint`} onChange={(event) => onPick(event.target.value)}>
        {choices.map(([choice, words]) => (
          <option key={choice} value={choice}>
            {words}
          </option>
        ))}
      </select>
      <Below id={id} hint={hint} error={error} />
    </div>
  );
}

function Below({ id, hint, error }: { id: string; hint?: ReactNode; error?: string }): ReactNode {
  return (
    <div id={`${id}-hint`}>
      {error && <p className="field-error">{error}</p>}
      {hint && <p className="hint">{hint}</p>}
    </div>
  );
}
