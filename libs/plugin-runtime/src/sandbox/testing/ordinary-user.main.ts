import type { Sandbox } from '../sandbox';
import { SandboxedPlatform } from '../sandboxed-platform';
import { ask, SandboxStage } from './sandbox-stage';

/*
 * Run as an ordinary user: says which walls there are for such a one, and lets a plugin try them. With `doomed` as its argument it
 * loads a plugin that never lets go, tells the process's number, and waits to be killed.
 */
void (async () => {
  const stage = await SandboxStage.open();
  if (process.argv[2] === 'doomed') {
    const platform = await stage.start(await stage.plugin(`async handleRequest() { setTimeout(() => { for (;;); }, 50); return {}; }`, { settings: { requestTimeoutMs: 60_000 } }));
    await ask(platform);
    console.log(JSON.stringify({ pid: platform.figures().generations[0]!.processes[0]!.pid, folder: stage.folder }));
    setInterval(() => {}, 1_000);
    return;
  }
  const platform = new SandboxedPlatform(stage.sandbox, await stage.plugin(`async handleRequest({ content }) {
    const fs = require('node:fs');
    const read = (path) => { try { return String(fs.readFileSync(path)).length } catch (error) { return error.code } };
    fs.writeFileSync('own', 'x');
    return { uid: process.getuid(), pid: process.pid, outside: read(content), own: read('own') };
  }`));
  await platform.initialize({}, stage.contextOf('any'));
  const answer = await ask(platform, __filename);
  await platform.shutdown();
  const { walls, means } = stage.sandbox.walls satisfies Sandbox['walls'];
  console.log(JSON.stringify({ walls, namespaces: means.namespaces, enclosed: means.enclosed, answer, uid: process.getuid?.() }));
  await stage.close();
})();
