/** What time is it, for "3 min ago"? Told anew every few seconds. */
import { useEffect, useState } from "react";

export function useNow(every = 5000): number {
  const [now, set] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
