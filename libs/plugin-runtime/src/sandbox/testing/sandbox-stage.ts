import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ISOLATION_LAYERS } from '@conductor/config';
import { PluginSettings } from '@conductor/contracts';
import { createLogger } from '@conductor/observability';
import type { PlatformContext, PlatformRequest } from '@conductor/platform-kit';
import type { z } from 'zod';
import { Sandbox } from '../sandbox';
import { SandboxedPlatform } from '../sandboxed-platform';
import type { GenerationSpec, SandboxSettings } from '../spec';
import type { SandboxWalls } from '../walls/walls';

export interface PluginGiven {
  settings?: Partial<z.input<typeof PluginSettings>>;
  config?: unknown;
  secrets?: Record<string, string>;
  version?: string;
  /** Its processes belong to this plugin; each test's own otherwise. */
  platform?: string;
  files?: Record<string, string>;
}

/** A sandbox with folders of its own, and plugins written by the test. */
export class SandboxStage {
  readonly storage = new Map<string, unknown>();
  readonly emitted: unknown[] = [];
  readonly logged: Array<{ level: string; message: string; fields: unknown }> = [];
  readonly measured: Array<[string, number]> = [];
  private readonly platforms: SandboxedPlatform[] = [];
  private plugins = 0;

  private constructor(
    readonly sandbox: Sandbox,
    readonly folder: string,
  ) {}

  /** Also on a machine that lacks walls: those tests that need one look whether it stands. */
  static async open(settings: Partial<SandboxSettings> = {}, walls?: SandboxWalls): Promise<SandboxStage> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'sandbox-test-')));
    // Plugins run as users of their own.
    await chmod(folder, 0o755);
    return new SandboxStage(await Sandbox.open({ folder: join(folder, 'sandbox'), restartBaseMs: 20, watchMs: 50, allowMissing: ISOLATION_LAYERS, ...settings }, walls), folder);
  }

  /**
   * Writes a plugin.
   * @param body of a class `Platform`: its hooks, in JavaScript
   */
  async plugin(body: string, { settings = {}, config = {}, secrets = {}, version = '1.0.0', platform, files = {} }: PluginGiven = {}): Promise<GenerationSpec> {
    const name = platform ?? `p${++this.plugins}`;
    const folder = join(this.folder, `${name}-${version}-${++this.plugins}`);
    await mkdir(folder, { recursive: true });
    const entry = `
      const { definePlugin, DeliveryFailure, SetupFailure } = require('@conductor/platform-kit');
      class Platform {
        async initialize(config, context) { this.config = config; this.context = context; }
        async healthCheck() { return { status: 'ok' }; }
        async handleRequest(request) { return { text: 'done: ' + request.content }; }
        async shutdown() {}
        ${body}
      }
      module.exports = definePlugin({ platforms: { '${name}': { create: () => new Platform() } } });`;
    for (const [path, text] of Object.entries({ 'index.cjs': entry, ...files })) await writeFile(join(folder, path), text);
    const parsed = PluginSettings.parse({ apiVersion: 1, platforms: [name], entry: 'index.cjs', memoryMb: 128, ...settings });
    return { id: `${name}-${version}-${this.plugins}`, plugin: name, version, platform: name, folder, settings: parsed, granted: parsed.permissions, config, secrets };
  }

  /** A platform in the sandbox, started as its instance would. */
  async start(spec: GenerationSpec): Promise<SandboxedPlatform> {
    const platform = new SandboxedPlatform(this.sandbox, spec);
    this.platforms.push(platform);
    await platform.initialize({}, this.contextOf(spec.platform));
    return platform;
  }

  contextOf(platform: string): PlatformContext {
    const logger = createLogger({ app: 'sandbox', level: 'silent' });
    const at = (key: string) => `${platform}/${key}`;
    return {
      platform,
      instance: `${platform}-test`,
      logger: Object.assign(Object.create(logger) as typeof logger, {
        info: (fields: unknown, message: string) => void this.logged.push({ level: 'info', message, fields }),
        warn: (fields: unknown, message: string) => void this.logged.push({ level: 'warn', message, fields }),
      }),
      metrics: { count: (name, by = 1) => void this.measured.push([name, by]), observe: (name, value) => void this.measured.push([name, value]) },
      storage: {
        get: async <T>(key: string) => this.storage.get(at(key)) as T,
        set: async (key, value) => void this.storage.set(at(key), value),
        delete: async (key) => this.storage.delete(at(key)),
        keys: async (prefix = '') => [...this.storage.keys()].filter((key) => key.startsWith(at(prefix))).map((key) => key.slice(at('').length)),
        append: async () => 1,
        after: async () => [],
        increment: async (key, by = 1) => {
          const sum = ((this.storage.get(at(key)) as number | undefined) ?? 0) + by;
          this.storage.set(at(key), sum);
          return sum;
        },
      },
      emit: async (message) => (this.emitted.push(message), { id: message.id ?? 'emitted' }),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.platforms.map((platform) => platform.shutdown()));
    this.sandbox.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

let requests = 0;
export const requestOf = (content: PlatformRequest['content'] = 'hello'): PlatformRequest => ({
  id: `r-${++requests}`, source: 'test', kind: 'message', content, deadlineMs: 5_000, waitFor: 'answer', receivedAt: Date.now(), trace: 'test', attempt: 1,
});

/** Asks with a deadline, as the Conductor does, and tells how it ended. */
export const ask = async (platform: SandboxedPlatform, content: PlatformRequest['content'] = 'hello', ms = 5_000): Promise<any> =>
  platform.handleRequest(requestOf(content), AbortSignal.timeout(ms)).catch((error: { outcome?: unknown }) => error.outcome ?? error);
