/** Demand that exceeds what was prepared for by more than this share is a breach. */
export const TOLERATED = 0.2;

export const isUnder = (prepared: number, demand: number): boolean => demand > prepared * (1 + TOLERATED);
