// graphile-worker: `addJob`, and its own runner with as many workers as there are clients, at its defaults: each worker
// takes one job, completes it, and takes the next.
import { EventEmitter } from "node:events";
import { performance } from "node:perf_hooks";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { measured, must, order, payload, tell, WARM } from "./common.mjs";

const logger = new Logger(() => () => {});
const connect = (max) => {
  const pool = new pg.Pool({ connectionString: order.url, max });
  pool.on("error", (error) => {
    throw error;
  });
  return pool;
};
const pool = connect(order.clients);
const utils = await makeWorkerUtils({ pgPool: pool, logger });
await utils.migrate();

const enqueue = () => utils.addJob("noop", payload);

/** Runs the workers until `count` jobs are complete; seconds from the first look for a job. */
async function work(count) {
  const events = new EventEmitter();
  const workers = connect(order.clients + 1); // One listens.
  let began;
  events.on("worker:getJob:start", () => (began ??= performance.now()));
  let complete = 0;
  const all = new Promise((resolve, reject) => {
    events.on("job:error", ({ error }) => reject(error));
    events.on("job:complete", () => {
      complete += 1;
      if (complete === count) resolve(performance.now());
    });
  });
  const runner = await run({
    pgPool: workers,
    concurrency: order.clients,
    noHandleSignals: true,
    taskList: { noop: async () => {} },
    events,
    logger,
  });
  const ended = await all;
  await runner.stop();
  await workers.end();
  return (ended - began) / 1000;
}

await measured(order.clients, WARM, enqueue);
await work(WARM);

const enqueued = await measured(order.clients, order.jobs, enqueue);
tell("enqueue", enqueued.seconds, enqueued.waits);
tell("work", await work(order.jobs));

const { rows } = await pool.query("select count(*)::int as left from graphile_worker.jobs");
must(rows[0].left === 0, `${rows[0].left} jobs are left`);
await utils.release();
await pool.end();
