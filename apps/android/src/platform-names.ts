/** What this app runs. In a file of its own: it is read before, and perhaps instead of, all the rest. */
export const PLATFORMS = ['android'] as const;
