// Before the first paint: the theme that was chosen on this machine, else the system's.
try {
  const chosen = localStorage.getItem("jirakb.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; the system's theme is then right.
}
