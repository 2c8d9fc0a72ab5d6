import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { main } from './lib/problem.mjs';
import { sbomOf } from './lib/sbom.mjs';

/** `npm run sbom -- [file]`: which packages a Conductor is made of, in CycloneDX; without a file into sbom.cdx.json. */
await main(async () => {
  const file = resolve(process.env.INIT_CWD ?? '.', process.argv[2] ?? 'sbom.cdx.json');
  const sbom = sbomOf(new Date());
  writeFileSync(file, `${JSON.stringify(sbom, null, 2)}\n`);
  console.log(`${file}: ${sbom.components.length} packages`);
});
