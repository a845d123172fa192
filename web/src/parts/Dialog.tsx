/** How is something asked before it is done? The browser's own modal dialog: focus and Escape are its business. */
import { useEffect, useId, useRef, type FormEvent, type ReactNode } from "react";

import { useAction } from "../api/useLoad";
import { ProblemNote } from "./Notes";

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const label = useId();
  useEffect(() => {
    const element = dialog.current;
    const opener = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={label} onCancel={onClose} onClick={(event) => event.target === dialog.current && onClose()}>
      <div className="dialog-body">
        <h2 id={label}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface Asked {
  title: string;
  verb: string;
  isDangerous?: boolean;
  /** What is done when it was agreed to; the dialog stays open, with what went wrong, when it fails. */
  act: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog that does something, or nothing: its two buttons, and what went wrong. */
export function ActionDialog({ title, verb, isDangerous = false, act, onClose, children }: Asked): ReactNode {
  const { run, busy, problem } = useAction(act);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void run();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        {children}
        <ProblemNote problem={problem} />
        <div className="actions">
          <button type="submit" className={isDangerous ? "danger" : "primary"} disabled={busy}>
            {verb}
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
