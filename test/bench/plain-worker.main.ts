import { Worker } from 'bullmq';

/** The yardstick: a worker as BullMQ's own documentation shows it. */
const [redisUrl = '', concurrency] = process.argv.slice(2);
const worker = new Worker('plain-echo', async (job) => job.data as unknown, { connection: { url: redisUrl }, concurrency: Number(concurrency) });
worker.on('ready', () => process.send?.({ type: 'listening', url: '' }));
worker.on('error', () => {});
process.on('disconnect', () => process.exit());
