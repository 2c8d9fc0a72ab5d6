/** What Kubernetes and Docker's links put into the environment for a service that happens to be named like an app of ours. */
const OF_SERVICES = /_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|START|END))?|ENV_\w+)$/;
/** `<NAME>_PORT` of theirs. */
const ADDRESS = /^(tcp|udp|sctp):\/\//;

/** Whether another program put this variable there, under a name that could be one of ours. */
export const isForeign = (variable: string, value: string): boolean => OF_SERVICES.test(variable) || (variable.endsWith('_PORT') && ADDRESS.test(value));

/** Env files are read by some programs with the quotes that others take off. */
const QUOTED = /^(["'])(.*)\1$/s;

/** A value as it was meant: without white space around it, nor the quotes of an env file. */
export const cleaned = (value: string): string => {
  const text = value.replace(/^\uFEFF/, '').trim();
  return QUOTED.exec(text)?.[2] ?? text;
};
