/** A wrong or unknown setting stops the process before it does anything; the message names every offender. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}
