import { shortfallMb, type ScalerState } from '../decide';
import type { Sample } from '../sample/sampler';

/**
 * Every figure of one sample by the name of its series. `memory:total` is the demand, as the forecasts see it: what is in use and what the shed
 * platforms would add; `memory:used` is what is in use. MB, requests a second, seconds, percent; figures that are not there are left out.
 */
export const seriesIn = ({ seen, machine }: Sample, state: ScalerState): Array<[series: string, value: number]> => {
  const { memory, pressurePercent, platforms, units } = seen;
  const rss = new Map(units.map(({ name, rssMb }) => [name, rssMb]));
  const all: Array<[string, number | undefined]> = [
    ['memory:total', memory && memory.usedMb + shortfallMb(state, (unit) => rss.get(unit))],
    ['memory:used', memory?.usedMb],
    ['machine:pressure', pressurePercent],
    ['machine:cpu', machine.cpuPercent],
    ['machine:swap', machine.swapUsedMb],
    ['machine:disk', machine.diskUsedPercent],
    ['machine:event-loop', machine.eventLoopDelayMs],
    ...units.map(({ name, rssMb }): [string, number | undefined] => [`memory:${name}`, rssMb]),
    ...platforms.flatMap(({ name, requestsPerSecond, errorRate, queueAgeMs, queueDepth, inFlight }): Array<[string, number | undefined]> => [
      [`rate:${name}`, requestsPerSecond],
      [`error-rate:${name}`, errorRate],
      [`queue-age:${name}`, queueAgeMs === undefined ? undefined : queueAgeMs / 1_000],
      [`queue-depth:${name}`, queueDepth],
      [`in-flight:${name}`, inFlight],
    ]),
  ];
  return all.filter((entry): entry is [string, number] => entry[1] !== undefined);
};
