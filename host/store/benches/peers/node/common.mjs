// What both queues on PostgreSQL share: reading the order, measuring, and answering with lines of JSON.
//
//     node PEER.mjs URL CLIENTS JOBS
import { performance } from "node:perf_hooks";

const [, , url, clients, jobs] = process.argv;
export const order = { url, clients: Number(clients), jobs: Number(jobs) };
// Enough for the just-in-time compiler; not measured.
export const WARM = 300;
export const payload = { text: "x".repeat(188) }; // 200 bytes of JSON

/** Has `count` jobs taken by `clients` loops, one after another in each; what each took, and all. */
export async function measured(clients, count, one) {
  const waits = [];
  let left = count;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left-- > 0) {
        const asked = performance.now();
        await one();
        waits.push(performance.now() - asked);
      }
    }),
  );
  return { seconds: (performance.now() - began) / 1000, waits };
}

/** One line for the one who started us. */
export function tell(work, seconds, waits) {
  const sorted = (waits ?? []).toSorted((a, b) => a - b);
  const at = (hundredths) => {
    if (sorted.length === 0) return null;
    return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * hundredths) / 100))] * 1000;
  };
  const line = { work, jobs: order.jobs, seconds, p50_us: at(50), p99_us: at(99) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Ends the program if something did not come out as it must. */
export function must(condition, what) {
  if (!condition) throw new Error(`the round does not count: ${what}`);
}
