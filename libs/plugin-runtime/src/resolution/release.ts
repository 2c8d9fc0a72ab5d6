/** One version of a plugin as far as others are concerned. */
export interface Release {
  readonly name: string;
  readonly version: string;
  /** Ranges by plugin. */
  readonly dependsOn: Readonly<Record<string, string>>;
  readonly provides?: readonly string[];
  readonly needs?: readonly string[];
}

export interface Wanted {
  readonly name: string;
  readonly range: string;
}
