/** Names of everything that is kept in Redis, in one place. The ledger's keys share a hash tag, and so do a queue's. */
export const keysOf = (namespace: string) => ({
  request: (id: string) => `{${namespace}.ledger}:${id}`,
  body: (id: string, digest: string) => `{${namespace}.ledger}:${id}:body:${digest}`,
  quota: `{${namespace}.quota}:`,
  deadLetters: `{${namespace}.dead-letters}`,
  idempotency: (source: string, key: string) => `${namespace}:idempotency:{${source}:${key}}`,
  inbox: (name: string) => `${namespace}:inbox:${name}`,
  queuePrefix: (queue: string) => `{${namespace}.${queue}}`,
});
export type Keys = ReturnType<typeof keysOf>;
