/** Light or dark? As the system says, unless it was chosen here. */
import { useState, type ReactNode } from "react";

const NEXT: Record<string, string> = { system: "light", light: "dark", dark: "system" };
const SIGNS: Record<string, string> = { system: "◐", light: "☀", dark: "☾" };

export function ThemeButton(): ReactNode {
  const [theme, set] = useState(() => document.documentElement.dataset.theme ?? "system");
  const turn = (): void => {
    const next = NEXT[theme] ?? "system";
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    keep(next);
    set(next);
  };
  return (
    <button type="button" className="icon" onClick={turn} aria-label={`Theme: ${theme}`} title={`Theme: ${theme}`}>
      <span aria-hidden="true">{SIGNS[theme]}</span>
    </button>
  );
}

function keep(theme: string): void {
  try {
    if (theme === "system") localStorage.removeItem("jirakb.theme");
    else localStorage.setItem("jirakb.theme", theme);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}
