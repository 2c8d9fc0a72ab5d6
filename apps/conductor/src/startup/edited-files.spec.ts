import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '@conductor/testing';
import { ConductorHarness } from '../testing/harness';

const BOM = '\uFEFF';
const KEY = 'cnd_a-key-that-a-person-wrote-down';
const RULES = `${JSON.stringify([{ id: 'from-a-file', match: {}, target: 'brain' }], null, 2)}\n`;

describe('files that people edit', () => {
  let system: ConductorHarness;
  afterEach(() => system.stop());

  it.each([
    ['Notepad, in UTF-8 with a byte order mark', (text: string) => Buffer.from(BOM + text.replaceAll('\n', '\r\n'))],
    ['PowerShell, in UTF-16', (text: string) => Buffer.from(BOM + text.replaceAll('\n', '\r\n'), 'utf16le')],
  ])('are read as they were meant when they come from %s', async (_editor, written) => {
    system = ConductorHarness.prepare({ STARTUP_GIVE_UP_MS: '100' });
    await mkdir(system.config.home, { recursive: true });
    await writeFile(join(system.config.home, 'routes.json'), written(RULES));
    await writeFile(join(system.config.home, 'admin-key'), written(`${KEY}\n`));
    const { url } = await system.start();

    const rules = await until(async () => {
      const response = await fetch(`${url}/v1/routes`, { headers: { authorization: `Bearer ${KEY}` } });
      const text = await response.text();
      expect([response.status, text]).toEqual([200, expect.stringContaining('from-a-file')]);
      return text;
    });
    expect(rules).toContain('from-a-file');
  });
});
