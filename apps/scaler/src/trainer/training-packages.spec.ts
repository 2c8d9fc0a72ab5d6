import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@conductor/observability';
import { until } from '@conductor/testing';
import { TrainingPackages } from './training-packages';

const logger = createLogger({ app: 'scaler', level: 'silent' });

describe('what training needs', () => {
  let project: string;
  const app = () => join(project, 'apps', 'scaler');
  const put = (file: string, text: string) => {
    mkdirSync(join(project, file, '..'), { recursive: true });
    writeFileSync(join(project, file), text);
  };
  /** What fetches, as it would be with `npm` or without a network. */
  const script = (text: string) => put('scripts/install.mjs', text);
  const runs = () => readFileSync(join(project, 'runs'), 'utf8').length;
  const COUNTED = `import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'; import { join } from 'node:path';
    const project = join(import.meta.dirname, '..'); appendFileSync(join(project, 'runs'), 'x');`;

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'training-packages-'));
    put('package-lock.json', '{}');
    put('apps/scaler/package.json', '{"dependencies":{"danfojs":"1.2.0"}}');
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  it('is fetched by the first run that needs it, once, and waited for', async () => {
    script(`${COUNTED} if (process.argv[2] !== 'training') process.exit(1); mkdirSync(join(project, 'node_modules', 'danfojs'), { recursive: true }); writeFileSync(join(project, 'node_modules', 'danfojs', 'package.json'), '{}');`);
    const packages = new TrainingPackages(logger, { app: app() });

    expect(packages.waitingFor()).toBe('its packages are being fetched');
    await until(() => expect(packages.waitingFor()).toBeUndefined());
    expect(runs()).toBe(1);
  });

  it('that cannot be fetched is said with the reason and the way by hand, and tried again later', async () => {
    script(`${COUNTED} console.log('Fetching what training needs …'); console.error('The package registry could not be reached.'); process.exit(1);`);
    let now = Date.UTC(2026, 0, 1);
    const packages = new TrainingPackages(logger, { app: app(), now: () => now });

    packages.waitingFor();
    await until(() => expect(packages.waitingFor()).toBe('its packages (danfojs) could not be fetched, tried again at 2026-01-01T00:01:00.000Z; with a network, `npm run fetch:training` fetches them at once: The package registry could not be reached.'));
    expect(runs()).toBe(1);

    now += 60_000;
    packages.waitingFor();
    await until(() => expect(packages.waitingFor()).toContain('tried again at 2026-01-01T00:03:00.000Z'));
    expect(runs()).toBe(2);
  });

  it('that is installed is not fetched', () => {
    put('node_modules/danfojs/package.json', '{}');
    expect(new TrainingPackages(logger, { app: app() }).waitingFor()).toBeUndefined();
  });

  it('that is missing where nothing can fetch it is named', () => {
    expect(new TrainingPackages(logger, { app: app() }).waitingFor()).toMatch(/^danfojs is not installed, and there is no project here/);
  });
});
