export { type PlannedRoute, type RoutePlan, RoutePlanner } from './route-planner';
export { compileRule, InvalidRule, type Matchable } from './rule-matcher';
