import { prepare } from './lib/prepare.mjs';
import { main } from './lib/problem.mjs';
import { checkStyleAndTypes } from './lib/checks.mjs';
import { runJest } from './lib/jest.mjs';
import { withTestRedis } from './lib/test-redis.mjs';

/** `npm test` runs everything; `npm test -- libs/bus` only the tests that match, without the checks of style and types. */
await main(async () => {
  const patterns = process.argv.slice(2);
  await prepare('tests');
  const clean = patterns.length > 0 || (await checkStyleAndTypes());
  const { passed, failed, skipped } = await withTestRedis((redisUrl) => runJest(patterns, redisUrl));
  if (!clean) console.error('\nThe checks of style or types found something; see above.');
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  return clean && failed === 0 && passed > 0 ? 0 : 1;
});
