import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PORTS = Object.fromEntries(['CONDUCTOR', 'ROUTER', 'ANDROID', 'HEALTH_MONITOR', 'STUBS', 'BRAIN', 'SCALER', 'PLUGIN_HOST'].map((app) => [`${app}_PORT`, '0']));

/** The whole system as `npm start` brings it up. */
export interface System {
  apps(): string[];
  key: string;
  url(app: string): string;
  pid(app: string): number;
  redisUrl(): string;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: object): Promise<T>;
  stop(): Promise<void>;
}

/** Starts it in a home; plugins that lie in its folder `dropped` can be taken into use. */
export const bringUp = async (home: string): Promise<System> => {
  const { NODE_OPTIONS: _, REDIS_URL: __, TEST_REDIS_URL: ___, ...env } = process.env;
  const settings = { ...PORTS, CONDUCTOR_HOME: home, LOG_LEVEL: 'warn', PLUGIN_ALLOW_MISSING_ISOLATION: 'files,network,processes,user', PLUGIN_FOLDERS: join(home, 'dropped'), PLUGIN_NODE_MODULES: join(home, 'packages') };
  const child = spawn(process.execPath, [resolve('dist', 'apps', 'launcher', 'src', 'main.js')], { env: { ...env, ...settings }, stdio: 'ignore' });
  const run = () => JSON.parse(readFileSync(join(home, 'run.json'), 'utf8')) as { redisUrl: string; apps: Record<string, { pid: number; state: string; url: string }> };
  const ready = () => existsSync(join(home, 'run.json')) && Object.values(run().apps).every(({ state }) => state === 'ready') && 'plugin-host' in run().apps;
  while (!ready()) await new Promise((done) => setTimeout(done, 50));
  const key = readFileSync(join(home, 'admin-key'), 'utf8').trim();
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(run().apps['conductor']!.url + path, { method, headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: JSON.stringify(body) }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    key,
    apps: () => Object.keys(run().apps),
    url: (app) => run().apps[app]!.url,
    pid: (app) => run().apps[app]!.pid,
    redisUrl: () => run().redisUrl,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    stop: () => new Promise((done) => void (child.once('exit', () => done()), child.kill('SIGINT'))),
  };
};
