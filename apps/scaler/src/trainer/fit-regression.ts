import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import type { SeriesLearned } from '../forecast/learned';
import { FEATURES, featuresOf } from '../forecast/models/regression';
import type { Example } from './examples';

const ROUNDS = 4;
/** Residuals below this share of the level weigh alike: without it, one that is 0 by chance would weigh infinitely. */
const SMALL = 0.03;
/** Changes by more than three mean levels are outliers. */
const MOST_CHANGE = 3;
const RIDGE = 0.01;
/** Three examples for each coefficient, at least. */
const LEAST = 3 * FEATURES;

/**
 * Coefficients for the change from now to the look-ahead. The sum of absolute errors is what counts, so least squares is repeated
 * with weights that make large residuals count less (iteratively reweighted least squares); a ridge keeps features that say the same from
 * playing each other off, and pulls all towards "it stays as it is".
 * @returns undefined when there are too few examples
 */
export const fitRegression = (examples: readonly Example[], horizon: number, horizonMs: number, learned: SeriesLearned): number[] | undefined => {
  const rows: Float64Array[] = [];
  const changes: number[] = [];
  const stakes: number[] = [];
  for (const { look, truths } of examples) {
    const truth = truths[horizon]!;
    if (Number.isNaN(truth) || look.mean <= 0) continue;
    rows.push(Float64Array.from(featuresOf(look, horizonMs, learned), (feature) => feature / look.mean));
    stakes.push(look.mean);
    changes.push(Math.max(-MOST_CHANGE, Math.min(MOST_CHANGE, (truth - look.last) / look.mean)));
  }
  if (rows.length < LEAST) return undefined;
  // Errors count in absolute units, changes are relative: a busy moment weighs by its level.
  let weights = ofMeanOne(Float64Array.from(stakes));
  let coefficients: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    coefficients = solve(rows, changes, weights);
    weights = ofMeanOne(Float64Array.from(rows, (row, index) => stakes[index]! / Math.max(SMALL, Math.abs(changes[index]! - dot(row, coefficients)))));
  }
  return coefficients.every(Number.isFinite) ? coefficients : undefined;
};

/** The normal equations with a ridge. They are positive definite, so Cholesky's way is short and safe. */
const solve = (rows: readonly Float64Array[], changes: readonly number[], weights: Float64Array): number[] => {
  const gram = Matrix.zeros(FEATURES, FEATURES);
  const moments = Matrix.zeros(FEATURES, 1);
  const sums = new Float64Array(FEATURES * FEATURES);
  const products = new Float64Array(FEATURES);
  for (const [index, row] of rows.entries()) {
    const weight = weights[index]!;
    for (let a = 0; a < FEATURES; a++) {
      const weighted = weight * row[a]!;
      products[a]! += weighted * changes[index]!;
      for (let b = 0; b <= a; b++) sums[a * FEATURES + b]! += weighted * row[b]!;
    }
  }
  const ridge = RIDGE * (1 + rows.length / 1_000);
  for (let a = 0; a < FEATURES; a++) {
    moments.set(a, 0, products[a]!);
    for (let b = 0; b <= a; b++) {
      const sum = sums[a * FEATURES + b]! + (a === b ? ridge : 0);
      gram.set(a, b, sum);
      gram.set(b, a, sum);
    }
  }
  return new CholeskyDecomposition(gram).solve(moments).to1DArray();
};

const dot = (row: Float64Array, coefficients: readonly number[]): number => {
  let sum = 0;
  for (let index = 0; index < FEATURES; index++) sum += row[index]! * coefficients[index]!;
  return sum;
};

const ofMeanOne = (weights: Float64Array): Float64Array => {
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return weights.map((weight) => weight / mean);
};
