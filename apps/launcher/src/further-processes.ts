import type { Logger } from 'pino';
import type { App } from './apps';
import type { Supervised } from './supervised';
import { nextStep, type Wanted } from './wanted-processes';

/** Longer than any message takes: who is not done by then is stopped like any other. */
const PATIENCE_MS = 120_000;

interface Parts {
  readonly apps: readonly App[];
  readonly make: (app: App) => Supervised;
  /** One is there no more. */
  readonly gone: (process: Supervised) => void;
  readonly logger: Logger;
}

/** Processes of an app beyond its first: as many as are wanted, each with a door of its own at a free port. All share the queues. */
export class FurtherProcesses {
  private readonly running = new Map<string, Supervised[]>();
  private readonly going = new Set<string>();

  constructor(private readonly parts: Parts) {}

  /** Starts what is missing; of what is too much, lets the idlest finish its work and end. */
  follow(wanted: ReadonlyMap<string, Wanted>): void {
    for (const app of this.parts.apps) {
      const wish = wanted.get(app.name);
      if (wish) this.step(app, wish);
    }
  }

  private step(app: App, wish: Wanted): void {
    const { logger, make } = this.parts;
    const running = this.running.get(app.name) ?? [];
    const step = nextStep(app.name, wish, running.map(({ name, state }) => ({ name, pid: state.pid })), this.going);
    if (!step) return;
    this.running.set(app.name, running);
    if ('retire' in step) return void this.retire(running.find(({ name }) => name === step.retire)!, running);
    for (const name of step.start) {
      logger.info({ program: name }, `${name} is started: ${wish.processes} processes of ${app.name} are wanted`);
      const process = make({ ...app, name, port: 0 });
      running.push(process);
      process.start(`started: ${wish.processes} processes of ${app.name} are wanted`);
    }
  }

  private async retire(process: Supervised, running: Supervised[]): Promise<void> {
    const { logger, gone } = this.parts;
    const { name } = process;
    logger.info({ program: name }, `${name} ends when its work is done: fewer processes are wanted`);
    this.going.add(name);
    await process.retire('fewer processes are wanted', PATIENCE_MS);
    this.going.delete(name);
    running.splice(running.indexOf(process), 1);
    logger.info({ program: name }, `${name} has ended`);
    gone(process);
  }
}
