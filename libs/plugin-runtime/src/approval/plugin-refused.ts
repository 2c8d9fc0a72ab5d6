/** A plugin's files are not fit to be approved, or are not those that were. For a person: what, why, what to do. */
export class PluginRefused extends Error {
  override readonly name = 'PluginRefused';

  constructor(
    /** Stable, kebab-case, e.g. `file-too-large`. */
    readonly code: string,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
