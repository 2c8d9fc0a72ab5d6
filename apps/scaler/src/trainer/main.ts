import { RollupsBeside } from './rollups-beside';
import { trainingDataSchema } from './training-data';

/**
 * One training run: its data on standard input (and from the database that it names), what was learned on standard output, both JSON. Danfo.js
 * alone takes 130 MB, so this is a process that ends (`training-run.ts` starts it). What goes wrong is said on standard error, with a code other than 0.
 */
const run = async (): Promise<void> => {
  const rollups = new RollupsBeside();
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const data = trainingDataSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  // Asked for first: to load Danfo.js, and to begin, takes as long as the answer.
  const complete = rollups.addTo(data);
  const { begin, train } = await import('./train.js');
  const begun = begin(data);
  const learned = JSON.stringify(train(await complete, begun));
  await rollups.close();
  await new Promise<void>((resolve, reject) => process.stdout.write(learned, (error) => (error ? reject(error) : resolve())));
};

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
