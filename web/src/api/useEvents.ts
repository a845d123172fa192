/** What happens right now? A stream of events that is opened again by itself, ever more slowly, for as long as the view stands. */
import { useEffect, useRef, useState } from "react";

const FIRST_MS = 500;
const LONGEST_MS = 8000;

export type Heard = (name: string, data: unknown) => void;

/** Hear the events of an address; whether the stream is open. `again` is called when it opens or breaks: to load what was missed, or to learn why. */
export function useEvents(address: string | null, names: readonly string[], heard: Heard, again: () => void): boolean {
  const [open, setOpen] = useState(false);
  const latest = useRef({ heard, again });
  latest.current = { heard, again };
  const list = names.join(" ");
  useEffect(() => {
    if (!address) return undefined;
    let wait = FIRST_MS;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const connect = (): void => {
      source = new EventSource(address);
      source.onopen = () => {
        wait = FIRST_MS;
        setOpen(true);
        latest.current.again();
      };
      source.onerror = () => {
        setOpen(false);
        source?.close();
        latest.current.again();
        timer = setTimeout(connect, wait);
        wait = Math.min(LONGEST_MS, wait * 2);
      };
      for (const name of list.split(" ")) {
        source.addEventListener(name, (event) => latest.current.heard(name, parsed((event as MessageEvent<string>).data)));
      }
    };
    connect();
    return () => {
      clearTimeout(timer);
      source?.close();
      setOpen(false);
    };
  }, [address, list]);
  return open;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
