/**
 * What must happen at once in Redis, as scripts. A script may be sent twice, where the connection broke before its answer came: each
 * writer numbers what it writes to a job, and what is there already is answered again, not written again.
 */
import type { Redis } from "ioredis";

/** KEYS job, jobs, jobs of the state, idempotency; ARGV id, idempotency key or "", request hash, then fields and values → id, or "conflict". */
const INSERT = `
if ARGV[2] ~= '' then
  local known = redis.call('HGET', KEYS[4], ARGV[2])
  if known then
    local hash, id = string.match(known, '^(%S*) (%S*)$')
    if hash == ARGV[3] then return id end
    return 'conflict'
  end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return ARGV[1] end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[4], ARGV[2], ARGV[3] .. ' ' .. ARGV[1]) end
return ARGV[1]`;

/**
 * KEYS job, its events, jobs by state (to be followed by a state); ARGV id, writer, its number of this write, attempt or "", states
 * that it may follow (",a,b,") or "" where the state stays, new state, time, event body (of a change of state: what comes after
 * "from"), number of fields that are set, fields and values, fields that are unset.
 * → [ok | missing | superseded | state, sequence or state, state before]
 */
const WRITE = `
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return {'missing'} end
local seen = redis.call('HGET', KEYS[1], 'w:' .. ARGV[2])
if seen then
  local number, sequence, before = string.match(seen, '^(%d+) (%d+) (%S+)$')
  if number == ARGV[3] then return {'ok', tonumber(sequence), before} end
end
if ARGV[4] ~= '' and (redis.call('HGET', KEYS[1], 'attempt') or '0') ~= ARGV[4] then return {'superseded'} end
local body = ARGV[8]
if ARGV[5] ~= '' then
  if not string.find(ARGV[5], ',' .. state .. ',', 1, true) then return {'state', state} end
  redis.call('HSET', KEYS[1], 'state', ARGV[6])
  redis.call('ZREM', KEYS[3] .. state, ARGV[1])
  redis.call('ZADD', KEYS[3] .. ARGV[6], 0, ARGV[1])
  body = '{"kind":"state","from":"' .. state .. '",' .. body
end
local set = tonumber(ARGV[9])
if set > 0 then redis.call('HSET', KEYS[1], unpack(ARGV, 10, 9 + 2 * set)) end
if #ARGV > 9 + 2 * set then redis.call('HDEL', KEYS[1], unpack(ARGV, 10 + 2 * set)) end
local sequence = redis.call('RPUSH', KEYS[2], '{"time":' .. ARGV[7] .. ',"body":' .. body .. '}')
redis.call('HSET', KEYS[1], 'w:' .. ARGV[2], ARGV[3] .. ' ' .. sequence .. ' ' .. state)
return {'ok', sequence, state}`;

/** KEYS turns; ARGV priority, user, most → the user's next turn: later than the one before, and not before the turn that is on. */
const NEXT_TURN = `
local now = tonumber(redis.call('HGET', KEYS[1], 'now:' .. ARGV[1]) or '0')
local last = tonumber(redis.call('HGET', KEYS[1], 'last:' .. ARGV[1] .. ':' .. ARGV[2]) or '-1')
local turn = math.max(now, last + 1)
if turn > tonumber(ARGV[3]) then
  redis.call('DEL', KEYS[1])
  turn = 0
end
redis.call('HSET', KEYS[1], 'last:' .. ARGV[1] .. ':' .. ARGV[2], turn)
return turn`;

/** KEYS turns; ARGV priority, turn: a job of that turn has started. */
const TURN_IS_ON = `
local now = tonumber(redis.call('HGET', KEYS[1], 'now:' .. ARGV[1]) or '0')
if tonumber(ARGV[2]) > now then redis.call('HSET', KEYS[1], 'now:' .. ARGV[1], ARGV[2]) end
return 1`;

export interface ScriptedRedis extends Redis {
	dakInsert(...keysAndArgs: (string | number)[]): Promise<string>;
	dakWrite(...keysAndArgs: (string | number)[]): Promise<[string, (number | string)?, string?]>;
	dakNextTurn(...keysAndArgs: (string | number)[]): Promise<number>;
	dakTurnIsOn(...keysAndArgs: (string | number)[]): Promise<number>;
}

export function withScripts(redis: Redis): ScriptedRedis {
	redis.defineCommand("dakInsert", { numberOfKeys: 4, lua: INSERT });
	redis.defineCommand("dakWrite", { numberOfKeys: 3, lua: WRITE });
	redis.defineCommand("dakNextTurn", { numberOfKeys: 1, lua: NEXT_TURN });
	redis.defineCommand("dakTurnIsOn", { numberOfKeys: 1, lua: TURN_IS_ON });
	return redis as ScriptedRedis;
}
