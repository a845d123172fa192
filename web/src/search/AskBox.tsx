/** What is asked for? A box that is there at once; `/` leads to it, the query language completes itself in it. */
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode, type RefObject } from "react";

import { ask, query } from "../api/client";
import type { components } from "../api/schema";
import { looksLikeQuery } from "./request";

type Completions = components["schemas"]["Completions"];

interface Props {
  text: string;
  language: string;
  kb: string | null;
  box: RefObject<HTMLInputElement | null>;
  onText: (text: string, done: boolean) => void;
  onDown: () => void;
}

const TYPING_MS = 130;
const NOTHING: Completions = { replaces: 0, items: [] };

export function AskBox({ text, language, kb, box, onText, onDown }: Props): ReactNode {
  const [typed, type] = useState(text);
  const told = useRef(text);
  const list = useId();
  const { offered, picked, pick, drop } = useCompletions(typed, language, kb, box);
  useEffect(() => {
    if (text !== told.current) {
      told.current = text;
      type(text);
    }
  }, [text]);
  useEffect(() => {
    if (typed === told.current) return undefined;
    const timer = setTimeout(() => {
      told.current = typed;
      onText(typed, false);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, onText]);
  const complete = (number: number): void => {
    const chosen = offered.items[number];
    const place = box.current?.selectionStart ?? typed.length;
    if (!chosen) return;
    const before = typed.slice(0, place - offered.replaces) + chosen.text + " ";
    type(before + typed.slice(place).trimStart());
    drop();
    requestAnimationFrame(() => box.current?.setSelectionRange(before.length, before.length));
  };
  const press = (event: KeyboardEvent): void => {
    const count = offered.items.length;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (count && move) pick((picked + move + count + 1) % (count + 1));
    else if (count && (event.key === "Enter" || event.key === "Tab") && picked < count) complete(picked);
    else if (count && event.key === "Escape") drop();
    else if (event.key === "ArrowDown") onDown();
    else if (event.key === "Enter") {
      told.current = typed;
      return onText(typed, true);
    } else return undefined;
    return event.preventDefault();
  };
  const open = offered.items.length > 0;
  return (
    <div className="ask-box">
      <input
        ref={box}
        type="search"
        role="combobox"
        aria-label="Search issues"
        aria-expanded={open}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={open && picked < offered.items.length ? `${list}-${picked}` : undefined}
        placeholder="Words, a key, or a query such as project = OPS and updated >= -30d"
        autoComplete="off"
        autoFocus
        spellCheck={false}
        maxLength={20000}
        value={typed}
        onChange={(event) => type(event.target.value)}
        onKeyDown={press}
        onBlur={drop}
      />
      {looksLikeQuery(typed, language) ? <kbd title="Read as the query language">query</kbd> : !typed && <kbd aria-hidden="true">/</kbd>}
      <ul id={list} className="complete" role="listbox" aria-label="Completions" hidden={!open}>
        {offered.items.map((item, number) => (
          <li
            key={`${item.kind} ${item.text}`}
            id={`${list}-${number}`}
            role="option"
            aria-selected={number === picked}
            onMouseDown={(event) => {
              event.preventDefault();
              complete(number);
            }}
          >
            <span className="mono">{item.text}</span> <span className="muted">{item.kind}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function useCompletions(typed: string, language: string, kb: string | null, box: RefObject<HTMLInputElement | null>): {
  offered: Completions;
  picked: number;
  pick: (number: number) => void;
  drop: () => void;
} {
  const [offered, offer] = useState<Completions>(NOTHING);
  const [picked, pick] = useState(0);
  const last = useRef(typed);
  useEffect(() => {
    const isTyping = typed !== last.current && document.activeElement === box.current;
    last.current = typed;
    if (!isTyping || !looksLikeQuery(typed, language)) return offer(NOTHING);
    const control = new AbortController();
    const prefix = typed.slice(0, box.current?.selectionStart ?? typed.length).slice(-2000);
    const timer = setTimeout(() => {
      ask<Completions>("GET", `/v1/complete${query({ prefix, kb_id: kb, limit: 12 })}`, { signal: control.signal }).then(
        (answer) => {
          offer(answer);
          pick(answer.replaces ? 0 : answer.items.length);
        },
        () => !control.signal.aborted && offer(NOTHING),
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [typed, language, kb, box]);
  return { offered, picked, pick, drop: () => offer(NOTHING) };
}
