import { setTimeout as wait } from 'node:timers/promises';
import { asRedisUnavailable } from '@conductor/connections';
import type { PluginCommand, PluginHostPresence } from '@conductor/contracts';
import { CommandCaller, CommandRefused, NobodyThere, PluginHosts, seal } from '@conductor/control';
import { type AppContext, Problem } from '@conductor/http';
import { z } from 'zod';

const NOBODY = 'No plugin-host is running, and only that can do this. `GET /v1/processes` tells what became of it; `POST /v1/processes/plugin-host/start` starts it again.';

/** Longer than the lease of the host that leads. */
const TAKE_OVER_MS = 4_000;
const LOOK_EVERY_MS = 100;

/** Asks the plugin-host that leads, and turns what it says into answers and problems. */
export class PluginDesk {
  private readonly hosts: PluginHosts;
  private readonly caller: CommandCaller;

  constructor({ connections }: AppContext) {
    this.hosts = new PluginHosts(connections);
    this.caller = new CommandCaller(connections, PluginHosts.TOPIC);
  }

  open(): Promise<void> {
    return this.caller.open();
  }

  close(): Promise<void> {
    return this.caller.close();
  }

  /** @throws Problem */
  async ask<T>(command: PluginCommand, shape: z.ZodType<T>): Promise<T> {
    const host = await this.leader();
    return this.askHost(host.instance, command, shape);
  }

  /** Hands a secret over, sealed so that only that host can read it. @throws Problem */
  async giveSecret<T>({ value, ...command }: Omit<Extract<PluginCommand, { do: 'give-secret' }>, 'do' | 'sealed'> & { value: string }, shape: z.ZodType<T>): Promise<T> {
    const host = await this.leader();
    return this.askHost(host.instance, { do: 'give-secret', ...command, sealed: seal(value, host.publicKey) }, shape);
  }

  /** Asks every host that is here; who does not run that plugin, or is gone, is left out. @param command the same for all, or each its own @throws Problem of the one that leads */
  async askAll<T>(command: PluginCommand | ((host: string) => PluginCommand), shape: z.ZodType<T>): Promise<Array<{ host: string; answer: T }>> {
    const of = typeof command === 'function' ? command : () => command;
    const leader = await this.leader();
    const others = (await this.hosts.all()).filter(({ instance }) => instance !== leader.instance);
    const first = { host: leader.instance, answer: await this.askHost(leader.instance, of(leader.instance), shape) };
    const rest = await Promise.all(others.map(async ({ instance }) => this.askHost(instance, of(instance), shape).then((answer) => [{ host: instance, answer }], () => [])));
    return [first, ...rest.flat()];
  }

  private async askHost<T>(host: string, command: PluginCommand, shape: z.ZodType<T>): Promise<T> {
    try {
      const answer = shape.safeParse(await this.caller.ask(host, command));
      if (!answer.success) throw new Problem('internal', `The plugin-host ${host} answered in a way that is not understood here; is it of another version? ${z.prettifyError(answer.error)}`);
      return answer.data;
    } catch (error) {
      if (error instanceof CommandRefused) throw new Problem(error.code, error.detail, { ...(error.errors && { errors: [...error.errors] }), cause: error });
      if (error instanceof NobodyThere) throw new Problem('no-plugin-host', `The plugin-host ${host} fell silent. What was asked may have been done: look before you ask again. ${NOBODY}`, { retryAfterSeconds: 5, cause: error });
      throw error;
    }
  }

  /** Waits while a host is here that may take the lead: the lease of one that ended, or was held up, runs out first. */
  private async leader(): Promise<PluginHostPresence> {
    for (const givenUpAt = performance.now() + TAKE_OVER_MS; ; await wait(LOOK_EVERY_MS)) {
      const { leader, mayCome } = await this.look();
      if (leader) return leader;
      if (!mayCome || performance.now() > givenUpAt) throw new Problem('no-plugin-host', NOBODY, { retryAfterSeconds: 5 });
    }
  }

  private async look() {
    try {
      const leader = await this.hosts.leader();
      return { leader, mayCome: leader === undefined && (await this.hosts.all()).length > 0 };
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }
}
