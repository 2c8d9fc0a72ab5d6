import type { Redis } from 'ioredis';
import { Coalescer } from './coalescer';
import { textBytes } from './json-bytes';

const SETTLED = `local function settled(state) return state == 'answered' or state == 'discarded' end`;
// Steps of the trail are fields of their own, so that adding one does not read the others; named `t:` and the time by Redis' clock,
// asked once a call: the order in which they came here, whatever the clocks of those who sent them say.
const STEP = `
  local now, steps = redis.call('TIME'), 1000
  local moment = string.format('t:%s%06d', now[1], now[2])
  local function step()
    steps = steps + 1
    return moment .. steps
  end`;
// Who waits is told in the same breath: one publish for each inbox, however many messages were settled.
const TELL = `
  local channels, replies = {}, {}
  local function tell(channel, reply)
    if channel == '' then return end
    if not replies[channel] then
      replies[channel] = {}
      channels[#channels + 1] = channel
    end
    table.insert(replies[channel], reply)
  end`;

/** Large contents and answers of messages that are over take so much together; the oldest go first. */
const RETAINED_BYTES = 256 * 1_048_576;
/** Name of the set that says which there are, and of their sum, in the place of a message's id. */
const RETAINED = ':retained';
// The set lives beside the ledger's keys: `{<namespace>.ledger}:<id>`.
export const RETAIN = `
  local function retain(key, body, bytes)
    local set = string.match(key, '^{[^}]*}') .. '${RETAINED}'
    local sum = set .. ':bytes'
    local now = redis.call('TIME')
    if redis.call('ZADD', set, 'NX', now[1] * 1000000 + now[2], bytes .. '~' .. body) == 0 then return end
    local total = redis.call('INCRBY', sum, bytes)
    while total > ${RETAINED_BYTES} do
      local oldest = redis.call('ZPOPMIN', set)[1]
      if not oldest then
        redis.call('DEL', sum)
        return
      end
      local size, name = string.match(oldest, '^(%d+)~(.*)$')
      redis.call('UNLINK', name)
      total = redis.call('DECRBY', sum, size)
    end
  end`;

/** What each script does for one message, whose key is `key` and whose arguments are `$1`, `$2`, … */
const bodies = {
  /**
   * hash, request, step, ttl, `new` where nobody can have used the id, and for an id that its owner chose (else empty): what follows the id
   * when another has it, the owner → nothing when it is new, else its hash, its state (`new` when there was none) and what follows its id.
   * One that is `new` and known all the same was sent before it was written down, and its worker wrote it down: its first steps are added.
   */
  conductorAccept: {
    args: 7,
    lua: `
      local suffix = ''
      if $6 ~= '' and (redis.call('EXISTS', key .. $6) == 1 or (redis.call('EXISTS', key) == 1 and redis.call('HGET', key, 'owner') ~= $7)) then
        suffix = $6
        key = key .. suffix
      end
      if redis.call('HSETNX', key, 'hash', $1) == 0 then
        if $5 ~= 'new' then
          local at = redis.call('HMGET', key, 'hash', 'state')
          return {at[1], at[2], suffix}
        end
        redis.call('HSET', key, step(), $3)
        return false
      end
      redis.call('HSET', key, 'state', 'queued', 'request', $2, step(), $3)
      if $7 ~= '' then redis.call('HSET', key, 'owner', $7) end
      redis.call('PEXPIRE', key, $4)
      return suffix ~= '' and {'', 'new', suffix}`,
  },
  /** job, platform, step, then for one that may not be written down yet (else empty): request, first steps with this one, ttl → go, settled, elsewhere, interrupted, unknown */
  conductorClaim: {
    args: 6,
    lua: `
      local at = redis.call('HMGET', key, 'state', 'job', 'hash')
      local state = at[1]
      if settled(state) or state == 'dead-lettered' then return 'settled' end
      if not at[3] then
        if $4 == '' then return 'unknown' end
        redis.call('HSET', key, 'hash', '', 'state', 'active', 'job', $1, 'platform', $2, 'request', $4, step(), $5)
        redis.call('PEXPIRE', key, $6)
        return 'go'
      end
      if state == 'active' and at[2] ~= $1 then return 'elsewhere' end
      redis.call('HSET', key, 'state', 'active', 'job', $1, 'platform', $2, step(), $3)
      return state == 'active' and 'interrupted' or 'go'`,
  },
  /** state, step, ttl → 1 when it moved */
  conductorMove: {
    args: 3,
    lua: `
      local state = redis.call('HGET', key, 'state')
      if settled(state) or (state == 'dead-lettered' and $1 ~= 'redriving') then return 0 end
      -- A message that waits for days for its platform keeps its first steps and the newest.
      local name = redis.call('HLEN', key) < 200 and step() or 't:newest'
      redis.call('HSET', key, 'state', $1, name, $2)
      redis.call('PEXPIRE', key, $3)
      return 1`,
  },
  /**
   * state, settlement, step, ttl, condition, channel, reply, channel, reply (empty where there is none), request (empty where it is
   * written down for certain), key of its large content (empty where it has none), ttl of that, its bytes where its message is over (else 0) → 1 when it is settled by this
   */
  conductorSettle: {
    args: 13,
    lua: `
      local state = redis.call('HGET', key, 'state')
      if settled(state) or (state == 'dead-lettered' and $1 == 'dead-lettered') then return 0 end
      if state == 'active' and $5 == 'unless-active' then return 0 end
      if $10 ~= '' and not state then
        redis.call('HSET', key, 'hash', '', 'state', $1, 'request', $10, 'settled', $2, step(), $3)
      else
        redis.call('HSET', key, 'state', $1, 'settled', $2, step(), $3)
      end
      redis.call('PEXPIRE', key, $4)
      if $11 ~= '' then
        redis.call('PEXPIRE', $11, $12)
        if $13 ~= '0' then retain(key, $11, $13) end
      end
      tell($6, $7)
      tell($8, $9)
      return 1`,
  },
} as const;

export type ScriptName = keyof typeof bodies;

interface ScriptCall {
  key: string;
  args: ReadonlyArray<string | number>;
}

const bytesOf = ({ key, args }: ScriptCall): number => args.reduce<number>((sum, arg) => sum + (typeof arg === 'string' ? textBytes(arg) : 8), key.length);

/** Messages in one call. A script holds Redis up for about 10 µs each. */
const KEYS_IN_ONE_CALL = 64;

/**
 * Runs one script for many messages in one call, since a call costs more than what it does. All keys must live on one node: the
 * ledger's share a hash tag.
 */
export class LedgerScript<R> {
  /** Runs it for these messages at once, in one call. */
  readonly runAll: (calls: readonly ScriptCall[]) => Promise<R[]>;
  private readonly calls: Coalescer<ScriptCall, R>;

  constructor(redis: Redis, name: ScriptName) {
    const { args, lua } = bodies[name];
    redis.defineCommand(name, { lua: overAllKeys(lua, args) });
    const run = (redis as unknown as Record<ScriptName, (...all: Array<string | number>) => Promise<R[]>>)[name].bind(redis);
    this.runAll = (calls) => run(calls.length, ...calls.map(({ key }) => key), ...calls.flatMap((call) => call.args));
    this.calls = new Coalescer(this.runAll, () => KEYS_IN_ONE_CALL, bytesOf);
  }

  /** Runs it for this message, together with others that come at the same time. */
  run(key: string, ...args: ReadonlyArray<string | number>): Promise<R> {
    return this.calls.add({ key, args });
  }
}

const overAllKeys = (body: string, args: number) => `
  ${SETTLED}
  ${STEP}
  ${TELL}
  ${RETAIN}
  local function one(key, before) ${body.replace(/\$(\d+)/g, 'ARGV[before + $1]')}
  end
  local results = {}
  for i, key in ipairs(KEYS) do results[i] = one(key, (i - 1) * ${args}) end
  for _, channel in ipairs(channels) do redis.call('PUBLISH', channel, '[' .. table.concat(replies[channel], ',') .. ']') end
  return results`;
