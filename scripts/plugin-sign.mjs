import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { main, Problem } from './lib/problem.mjs';
import { inProject } from './lib/project.mjs';

/** `npm run plugin:sign -- <folder> <key file>` writes the plugin's `conductor.sig`, by an ed25519 private key in PEM. */
await main(async () => {
  const [folder, keyFile] = process.argv.slice(2).map((path) => resolve(process.env.INIT_CWD ?? '.', path));
  if (keyFile === undefined || !existsSync(folder) || !existsSync(keyFile)) {
    throw new Problem('Usage: npm run plugin:sign -- <folder> <key file>', 'A key is made with: openssl genpkey -algorithm ed25519 -out plugin-key.pem', 'Its public half, for the Conductor’s configuration: openssl pkey -in plugin-key.pem -pubout');
  }
  await prepare();
  const { fingerprint, signIntegrity } = createRequire(import.meta.url)(inProject('dist', 'libs', 'plugin-runtime', 'src'));
  const { integrity } = await fingerprint(folder);
  writeFileSync(join(folder, 'conductor.sig'), signIntegrity(integrity, readFileSync(keyFile, 'utf8')));
  console.log(`Signed ${integrity}. Every change of a file needs a new signature.`);
});
