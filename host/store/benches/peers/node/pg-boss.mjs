// pg-boss: `send`, and `fetch` + `complete` of one job at a time. Its polling worker is not used: at its defaults it
// looks for work every two seconds and would lose by waiting.
import { PgBoss } from "pg-boss";
import { measured, must, order, payload, tell, WARM } from "./common.mjs";

const QUEUE = "bench";
const boss = new PgBoss({ connectionString: order.url, max: order.clients });
boss.on("error", (error) => {
  throw error;
});
await boss.start();
await boss.createQueue(QUEUE);

const enqueue = async () => must(await boss.send(QUEUE, payload), "a job was refused");
const work = async () => {
  const [job] = await boss.fetch(QUEUE);
  must(job, "a job is missing");
  await boss.complete(QUEUE, job.id);
};

await measured(order.clients, WARM, enqueue);
await measured(order.clients, WARM, work);

const enqueued = await measured(order.clients, order.jobs, enqueue);
tell("enqueue", enqueued.seconds, enqueued.waits);
const worked = await measured(order.clients, order.jobs, work);
tell("work", worked.seconds, worked.waits);

must((await boss.fetch(QUEUE)).length === 0, "jobs are left");
await boss.stop({ graceful: false });
