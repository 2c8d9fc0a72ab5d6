/** Where this machine reaches what listens on all its addresses. Of IPv6 there may be nothing else. */
const REACHABLE: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** The address of what listens here, without a slash at its end. */
export const urlOf = (host: string, port: number): string => {
  const reachable = REACHABLE[host] ?? host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
};
