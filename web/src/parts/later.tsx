/** Which view is loaded only when it is opened, or a little ahead? React's own `lazy` keeps what has long been loaded waiting for 0.3 s. */
import { useEffect, useState, type ComponentType, type ReactNode } from "react";

export interface Later<Props> {
  View: ComponentType<Props>;
  /** Begin to load it; what fails is told where it is drawn. */
  ahead: () => void;
}

export function later<Props extends object>(load: () => Promise<ComponentType<Props>>, waiting: ReactNode): Later<Props> {
  let found: ComponentType<Props> | null = null;
  const fetch = async (): Promise<ComponentType<Props>> => (found = await load());
  function View(props: Props): ReactNode {
    const [{ Loaded, error }, set] = useState<{ Loaded: ComponentType<Props> | null; error?: unknown }>({ Loaded: found });
    useEffect(() => {
      if (found) return set({ Loaded: found });
      fetch().then(
        (view) => set({ Loaded: view }),
        (problem: unknown) => set({ Loaded: null, error: problem }),
      );
    }, []);
    if (error) throw error instanceof Error ? error : new Error(String(error));
    return Loaded ? <Loaded {...props} /> : waiting;
  }
  return { View, ahead: () => void fetch().catch(() => undefined) };
}
