import { z } from 'zod';

/** viewer < operator < admin; `ingress` stands apart and may only send messages. */
export const Role = z.enum(['viewer', 'operator', 'admin', 'ingress']);
export type Role = z.output<typeof Role>;

/** Who a request comes from: the key it carries, or the key its session was opened with. */
export interface Caller {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** What its messages may name as their `source` besides its own name. */
  readonly sources?: readonly string[];
}

export type Access = 'public' | readonly Role[];

/** What each role stands for besides itself. */
const STANDS_FOR: Record<Role, readonly Role[]> = {
  admin: ['admin', 'operator', 'viewer', 'ingress'],
  operator: ['operator', 'viewer', 'ingress'],
  viewer: ['viewer'],
  ingress: ['ingress'],
};

/** Every role that satisfies one of the allowed ones; worked out once a route, so that a request costs one look-up. */
export const permittedBy = (allowed: readonly Role[]): ReadonlySet<Role> =>
  new Set(Role.options.filter((role) => STANDS_FOR[role].some((standsFor) => allowed.includes(standsFor))));

/** What a route without any decorator asks for: reading needs a viewer, all else an operator. A forgotten decorator never opens a door. */
export const defaultAccess = (methods: readonly string[]): readonly Role[] =>
  methods.every((method) => method === 'GET' || method === 'HEAD' || method === 'OPTIONS') ? ['viewer'] : ['operator'];
