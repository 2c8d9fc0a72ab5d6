import { curvesOf, type Kind, type Trial } from './trial';

const WIDTH = 1_200;
const PANEL = 260;
const MARGIN = { left: 70, right: 20, top: 40, bottom: 30 };
/** More points than pixels show nothing more: of each column the least and the greatest are drawn. */
const COLUMNS = WIDTH - MARGIN.left - MARGIN.right;

interface Point {
  readonly at: number;
  readonly value: number;
}

/** One panel for each policy, all on the same scales: what was needed, what there was, and every switch. */
export const plot = (title: string, trials: readonly Trial[], kind: Kind): string => {
  const curves = trials.map((trial) => curvesOf(trial, kind));
  const everything = curves.flatMap(({ needed, provided, marks }) => [maxOf(needed), maxOf(provided), ...marks]);
  const top = Math.max(...everything, 1) * 1.05;
  const [from, to] = [trials[0]!.replayed.moments[0]!.at, trials[0]!.replayed.moments.at(-1)!.at];
  const x = (at: number) => MARGIN.left + ((at - from) / Math.max(1, to - from)) * COLUMNS;
  const panels = trials.map((trial, index) => {
    const offset = MARGIN.top + index * (PANEL + MARGIN.top);
    const y = (value: number) => offset + PANEL - (value / top) * PANEL;
    const { needed, provided, marks, unit } = curves[index]!;
    const switches = trial.replayed.decisions.filter(({ kind: of }) => of !== 'no-change' && of !== 'champion-changed' && of !== 'policy-changed');
    return [
      `<text x="${MARGIN.left}" y="${offset - 8}" class="title">${escaped(trial.policy.name)}: cost ${trial.cost.toFixed(1)} h, breaches ${(trial.breaches * 100).toFixed(2)} %, switches ${trial.switches}</text>`,
      `<rect x="${MARGIN.left}" y="${offset}" width="${COLUMNS}" height="${PANEL}" class="frame"/>`,
      ...[0, 0.25, 0.5, 0.75, 1].map((share) => `<text x="${MARGIN.left - 6}" y="${y(top * share) + 4}" class="axis">${(top * share).toFixed(0)}</text>`),
      `<text x="${MARGIN.left - 6}" y="${offset - 8}" class="axis">${unit}</text>`,
      ...marks.map((mark) => `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(mark)}" y2="${y(mark)}" class="mark"/>`),
      ...switches.map(({ at, kind: of }) => `<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${offset}" y2="${offset + PANEL}" class="${of}"/>`),
      path(needed, x, y, 'needed'),
      ...(provided.length > 0 ? [path(provided, x, y, 'provided')] : []),
    ].join('\n');
  });
  const height = MARGIN.top + trials.length * (PANEL + MARGIN.top) + MARGIN.bottom;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<title>${escaped(title)}</title>
<style>.frame{fill:none;stroke:#999}.needed{fill:none;stroke:#1f77b4}.provided{fill:none;stroke:#2ca02c}.mark{stroke:#d62728;stroke-dasharray:4 4}.shed,.scale-up,.emergency{stroke:#d62728;stroke-opacity:.35}.restore,.scale-down{stroke:#2ca02c;stroke-opacity:.35}.axis{text-anchor:end;fill:#555}.title{font-size:14px}</style>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${panels.join('\n')}
<text x="${MARGIN.left}" y="${height - 10}" fill="#555">${new Date(from).toISOString()}</text>
<text x="${WIDTH / 2}" y="${height - 10}" text-anchor="middle" fill="#555">blue: needed, green: provided; upright: red shed or scaled up, green restored or scaled down</text>
<text x="${WIDTH - MARGIN.right}" y="${height - 10}" class="axis">${new Date(to).toISOString()}</text>
</svg>
`;
};

const path = (points: readonly Point[], x: (at: number) => number, y: (value: number) => number, name: string): string =>
  `<path class="${name}" d="${thinned(points, x).map(({ at, value }, index) => `${index === 0 ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('')}"/>`;

const thinned = (points: readonly Point[], x: (at: number) => number): Point[] =>
  [...Map.groupBy(points, ({ at }) => Math.floor(x(at))).values()].flatMap((column) => {
    const sorted = [...column].sort((a, b) => a.value - b.value);
    return [sorted[0]!, sorted.at(-1)!].sort((a, b) => a.at - b.at);
  });

const maxOf = (points: readonly Point[]): number => points.reduce((most, { value }) => Math.max(most, value), 0);
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
