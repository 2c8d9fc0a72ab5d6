import type { RequestRecord } from '@conductor/contracts';
import type { System } from './system';

interface Answered {
  version?: string;
  times?: number;
}

export interface Outcome {
  id: string;
  status: number;
  ms: number;
  answer?: Answered | undefined;
  code?: string | undefined;
}

/** Begins so many messages a second to one platform, whatever became of those before, until it is told to stop. */
export class SteadyTraffic {
  readonly outcomes: Outcome[] = [];
  private readonly calls: Array<Promise<void>> = [];
  private running = true;
  private readonly loop: Promise<void>;
  private static traffics = 0;
  private readonly name = `steady${++SteadyTraffic.traffics}-${Date.now().toString(36)}`;

  constructor(
    private readonly system: System,
    private readonly target: string,
    private readonly perSecond: number,
  ) {
    this.loop = this.run();
  }

  get sent(): number {
    return this.calls.length;
  }

  /** Until every message has its answer. */
  async end(): Promise<Outcome[]> {
    this.running = false;
    await this.loop;
    await Promise.all(this.calls);
    return this.outcomes;
  }

  /** How often each message was taken up by the platform, as the trail in its record says. */
  async takenUp(): Promise<Map<string, number>> {
    const taken = new Map<string, number>();
    for (let at = 0; at < this.outcomes.length; at += 50) {
      const records = await Promise.all(this.outcomes.slice(at, at + 50).map(({ id }) => this.system.ask<RequestRecord>('router', `/v1/requests/${id}`)));
      for (const { body } of records) taken.set(body.id, body.trail?.filter(({ step }) => step === 'started').length ?? 0);
    }
    return taken;
  }

  private async run(): Promise<void> {
    const startedAt = performance.now();
    while (this.running) {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * this.perSecond);
      while (this.calls.length < due) this.calls.push(this.call(this.calls.length));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  private async call(n: number): Promise<void> {
    const id = `${this.name}-${n}`;
    const startedAt = performance.now();
    try {
      const { status, body } = await this.system.send<{ answer?: Answered }>({ id, target: this.target, content: `message ${n}`, deadlineMs: 20_000 });
      this.outcomes.push({ id, status, ms: performance.now() - startedAt, answer: body.answer, code: body.code });
    } catch (error) {
      this.outcomes.push({ id, status: 0, ms: performance.now() - startedAt, code: String(error) });
    }
  }
}
