import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** An entry that answers every message with its text in capitals. */
export const SHOUTING_ENTRY = `
const { definePlugin, textOf } = require('@conductor/platform-kit');
class Shouting {
  async initialize() {}
  async healthCheck() { return { status: 'ok' }; }
  async handleRequest(request) { return { text: textOf(request.content).toUpperCase() }; }
  async shutdown() {}
}
module.exports = definePlugin({ platforms: { shouting: { create: () => new Shouting() } } });
`;

/** The package.json of a plugin that is right, with what a test wants different. */
export const manifestOf = (name: string, version = '1.0.0', conductor: Record<string, unknown> = {}, rest: Record<string, unknown> = {}) => ({
  name,
  version,
  ...rest,
  conductor: { apiVersion: 1, platforms: [name.replace(/^@.*\//, '')], entry: 'index.js', ...conductor },
});

/** A folder of its own for one test, in which plugins are written. */
export class PluginTree {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'conductor-plugins-')));

  path(...parts: string[]) {
    return join(this.root, ...parts);
  }

  /** @param content an object is written as JSON */
  write(file: string, content: string | Buffer | object) {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content, null, 2));
    return this.path(file);
  }

  /** @returns the plugin's folder */
  plugin(folder: string, manifest: object, files: Record<string, string | Buffer> = { 'index.js': SHOUTING_ENTRY }) {
    for (const [file, content] of Object.entries(files)) this.write(`${folder}/${file}`, content);
    this.write(`${folder}/package.json`, manifest);
    return this.path(folder);
  }

  remove() {
    rmSync(this.root, { recursive: true, force: true });
  }
}
