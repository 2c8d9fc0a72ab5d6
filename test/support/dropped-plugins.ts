import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PluginInspection, PluginView, SwapReport } from '@conductor/contracts';
import { until } from '@conductor/testing';
import type { System } from './system';

const FIXTURES = join(__dirname, '..', 'fixtures', 'plugins');

/** A platform written by a test: hooks in JavaScript, the body of a class. */
export interface Written {
  name: string;
  version: string;
  /** Instead of the hooks that answer with the text and the version. */
  hooks?: string;
  conductor?: Record<string, unknown>;
}

/** The plugin folder of one journey, and what a person does with what lies in it. */
export class DroppedPlugins {
  readonly folder: string;

  constructor(
    home: string,
    private readonly system: () => System,
  ) {
    this.folder = join(home, 'dropped');
    mkdirSync(this.folder, { recursive: true });
  }

  /** Drops a version of the fixture `echo`. */
  echo(version: '1.0.0' | '1.1.0'): string {
    const to = join(this.folder, `echo@${version}`);
    cpSync(join(FIXTURES, 'echo', version), to, { recursive: true });
    return to;
  }

  /** Drops a plugin of one platform, named as itself. */
  write({ name, version, hooks = '', conductor = {} }: Written): string {
    const to = join(this.folder, `${name}@${version}`);
    mkdirSync(to, { recursive: true });
    writeFileSync(join(to, 'package.json'), JSON.stringify({ name, version, conductor: { apiVersion: 1, platforms: [name], entry: 'index.cjs', ...conductor } }));
    writeFileSync(join(to, 'index.cjs'), entryOf(name, version, hooks));
    return to;
  }

  remove(name: string, version: string): void {
    rmSync(join(this.folder, `${name}@${version}`), { recursive: true });
  }

  // What a person does.

  async inspect(name: string, version: string): Promise<PluginInspection> {
    await this.system().post('conductor', '/v1/plugins/discover');
    return this.system().get<PluginInspection>('conductor', `/v1/plugins/${name}/inspection?version=${version}`);
  }

  async approve(name: string, version: string, more: object = {}): Promise<PluginInspection> {
    const inspection = await this.inspect(name, version);
    const { status, body } = await this.system().post('conductor', `/v1/plugins/${name}/approve`, { version, integrity: inspection.integrity, ...more });
    if (status !== 200) throw new Error(`${name} ${version} was not approved: ${JSON.stringify(body)}`);
    return inspection;
  }

  /** Takes an approved plugin into use and waits until it takes messages. */
  async load(name: string, version: string): Promise<PluginView> {
    const { status, body } = await this.system().post('conductor', `/v1/plugins/${name}/load`, { version });
    if (status !== 200) throw new Error(`${name} ${version} was not loaded: ${JSON.stringify(body)}`);
    return this.untilState(name, 'running');
  }

  /** Takes another version into use, and waits until that is done. */
  async swap(name: string, version: string): Promise<SwapReport> {
    const { status, body } = await this.system().post<SwapReport>('conductor', `/v1/plugins/${name}/swap`, { version }, { timeoutMs: 60_000 });
    if (status !== 200) throw new Error(`the swap was refused: ${JSON.stringify(body)}`);
    return body;
  }

  view(name: string): Promise<PluginView> {
    return this.system().get<PluginView>('conductor', `/v1/plugins/${name}`);
  }

  untilState(name: string, state: PluginView['state'], timeoutMs = 20_000): Promise<PluginView> {
    return until(async () => {
      const view = await this.view(name);
      if (view.state !== state) throw new Error(`${name} is ${view.state}: ${view.reason}`);
      return view;
    }, timeoutMs);
  }
}

const entryOf = (name: string, version: string, hooks: string) => `
const { definePlugin, DeliveryFailure, SetupFailure, textOf } = require('@conductor/platform-kit');
class Platform {
  async initialize(config, context) { this.config = config; this.context = context; }
  async healthCheck() { return { status: 'ok' }; }
  async handleRequest({ content }) { return { text: textOf(content), version: '${version}' }; }
  async shutdown() {}
  ${hooks}
}
module.exports = definePlugin({ platforms: { '${name}': { create: () => new Platform() } } });
`;
