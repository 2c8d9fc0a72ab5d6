import { prepare } from './lib/prepare.mjs';
import { main } from './lib/problem.mjs';

await main(prepare);
