import type { RouteRule } from '@conductor/contracts';
import { type CompiledRule, compileRule, type Matchable } from './rule-matcher';

/** Where a message is to go, and why. */
export interface RoutePlan {
  /** Id of the rule that won, or `explicit-target` or `default`. */
  rule: string;
  target: string;
  fallbacks: string[];
}

export interface PlannedRoute {
  plan: RoutePlan;
  notMatched: Array<{ rule: string; why: string }>;
}

/** Decides by explicit target, then the rules in order, then the default. Knows nothing of who is up or down. */
export class RoutePlanner {
  private compiled: CompiledRule[] = [];

  constructor(private readonly defaultTarget: string) {}

  /** @throws InvalidRule, and keeps the rules it had */
  use(rules: RouteRule[]) {
    this.compiled = rules.map(compileRule);
  }

  plan(message: Matchable & { target?: string | undefined }, at = new Date()): RoutePlan {
    if (message.target) return explicit(message.target);
    const winner = this.compiled.find((rule) => rule.mismatch(message, at) === undefined);
    return winner ? planOf(winner.rule) : this.otherwise();
  }

  /** The same, with the reason of every rule that did not win. */
  explain(message: Matchable & { target?: string | undefined }, at = new Date()): PlannedRoute {
    if (message.target) return { plan: explicit(message.target), notMatched: this.compiled.map(({ rule }) => ({ rule: rule.id, why: 'the request names its target itself' })) };
    const notMatched: PlannedRoute['notMatched'] = [];
    let winner: RouteRule | undefined;
    for (const compiled of this.compiled) {
      const why = compiled.mismatch(message, at);
      if (why !== undefined) notMatched.push({ rule: compiled.rule.id, why });
      else if (winner) notMatched.push({ rule: compiled.rule.id, why: `it matches too, but ${winner.id} stands before it` });
      else winner = compiled.rule;
    }
    return { plan: winner ? planOf(winner) : this.otherwise(), notMatched };
  }

  private otherwise(): RoutePlan {
    return { rule: 'default', target: this.defaultTarget, fallbacks: [] };
  }
}

const explicit = (target: string): RoutePlan => ({ rule: 'explicit-target', target, fallbacks: [] });
const planOf = ({ id, target, fallbacks }: RouteRule): RoutePlan => ({ rule: id, target, fallbacks: fallbacks.filter((fallback) => fallback !== target) });
