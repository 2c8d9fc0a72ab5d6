/** What the search for a Redis server may look at and use. */
export interface Surroundings {
  /** The search path, as in the variable PATH. */
  readonly path: string;
  /** Folder of the project for what is fetched. */
  readonly runtimeDir: string;
  /** Tells a person what takes a while. */
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}
