import { MODEL_NAMES } from '../../../apps/scaler/src/forecast';
import { readSeries } from '../../../apps/scaler/src/forecast/fixtures/series-file';
import { type Goal, missedByOneNumber, missedInUse } from '../../../apps/scaler/src/forecast/fixtures/goals';
import { type Figures, horizonsFor, rulesFor, walkForward } from '../../../apps/scaler/src/forecast/fixtures/walk-forward';
import type { Result } from '../support/report';

/** Training runs over a long series, so that it is gone through in seconds; production trains ten times as often. */
const TRAINING_RUNS = 100;
const LEAST_BETWEEN = 10;

/** `node walk-forward.main.js <series.csv>`: every model over one series, as a table for its parent. */
const [path = ''] = process.argv.slice(2);
const { name, periodMs, samples } = readSeries(path);
const retrainEvery = Math.max(LEAST_BETWEEN, Math.ceil(samples.length / TRAINING_RUNS));
const startedAt = performance.now();
const results = walkForward(samples, rulesFor(periodMs, horizonsFor(periodMs, samples.length)), retrainEvery);
const seconds = (performance.now() - startedAt) / 1_000;

const shown = ({ error, under }: Figures): string => `${percent(error)} / ${percent(under)}`;
const percent = (share: number): string => (100 * share).toFixed(2);
const verdict = (missed: Goal[]): string => (missed.length === 0 ? 'both met' : `missed: ${missed.join(', ')}`);

const result: Result = {
  title: `Walk-forward: ${name}`,
  note:
    `${samples.length} periods of ${periodMs / 1_000} s, a window of 30 periods, trained anew every ${retrainEvery} periods from the past only, gone through in ${seconds.toFixed(1)} s. ` +
    'Each cell: error (sum of absolute errors over sum of values) / under-provisioned (share of periods whose demand exceeds the forecast by more than 20 %), in per cent. ' +
    '*expected* is what is foretold: the champion’s word once it is beyond chance that it errs less than the last value, the last value until then. *deciding* is what the scaler acts by: max(observed, what is provided for, with head-room). ' +
    '*one number* is the champion’s point with as much head-room as its error bears. Goals: error at most that of last-value, under-provisioned at most as often as max(linear, last-value), which is the deciding value with the straight line as the only model. ' +
    'They are judged twice: *in use*, the error of what is expected and the under-provisioning of what is decided by; and of the *one number*, by itself for both, which no number can do on a random walk. Coverage: share of truths inside the interval, meant to be 90 %. ' +
    'Look-aheads of which the record holds less than twenty are left out. A model that cannot say (no training yet, no day of history) says the last value.',
  columns: ['look-ahead', ...MODEL_NAMES, 'max(linear, last-value)', 'expected', 'deciding', 'one number', 'coverage', 'changes', 'goals in use', 'goals of one number'],
  rows: results.map((row) => [
    `${row.periods} period${row.periods > 1 ? 's' : ''} (${row.horizonMs / 60_000 >= 1 ? `${row.horizonMs / 60_000} min` : `${row.horizonMs / 1_000} s`})`,
    ...MODEL_NAMES.map((model) => shown(row.models[model])),
    shown(row.larger),
    `**${shown(row.expected)}**`,
    `**${shown(row.deciding)}**`,
    shown(row.champion),
    `${(100 * row.coverage).toFixed(1)} %`,
    row.changes.length,
    verdict(missedInUse(row)),
    verdict(missedByOneNumber(row)),
  ]),
};

process.send?.([result]);
