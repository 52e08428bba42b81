import { createHash } from 'node:crypto';

/** A script that Redis keeps by its hash. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/**
 * How long the position of a topic is kept after its last entry has expired, in ms. A subscriber that was away for longer, or that hears nothing for
 * so long, is shown a gap.
 */
const REMEMBER = 7 * 86_400_000;

/**
 * Reads the state of a topic. KEYS: its state and its entries; ARGV: an unused epoch, and the run of the server.
 *
 * Entries of before a restart or a fail-over stay, but with another epoch: Redis may have lost the last of them, and would give their offsets again.
 * Entries without a state are of an unknown history. They are dropped. `oldest` is not later than the time of the oldest entry, so that most calls do
 * not have to look at it.
 */
const STATE = `
local meta, log = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local state = redis.call('HMGET', meta, 'epoch', 'offset', 'run', 'ttl', 'oldest')
local epoch, offset, ttl, oldest = state[1], tonumber(state[2]), tonumber(state[4]) or 0, tonumber(state[5]) or 0
if not epoch or not offset then
  redis.call('DEL', meta, log)
  epoch, offset, ttl, oldest = false, 0, 0, now
end
if not epoch or state[3] ~= ARGV[2] then
  epoch = ARGV[1]
  redis.call('HSET', meta, 'epoch', epoch, 'offset', offset, 'run', ARGV[2])
end
local function expire()
  while oldest + ttl <= now do
    local entry = redis.call('LINDEX', log, 0)
    local time = entry and tonumber(string.match(entry, '^%d+ (%d+)\\n'))
    if not entry then
      oldest = now
      break
    elseif time and time + ttl > now then
      oldest = time
    else
      redis.call('LPOP', log)
    end
  end
end
`;

/** Appends and publishes. ARGV from 3: size, ttl, the command that publishes, channel, data. Returns epoch and offset. */
export const APPEND = script(`${STATE}
offset, ttl = offset + 1, tonumber(ARGV[4])
local data = ARGV[7]
expire()
local length = redis.call('RPUSH', log, string.format('%.0f %.0f\\n', offset, now) .. data)
if length > tonumber(ARGV[3]) then redis.call('LTRIM', log, -ARGV[3], -1) end
redis.call('PEXPIRE', log, ttl)
redis.call('HSET', meta, 'offset', offset, 'ttl', ttl, 'oldest', oldest)
redis.call('PEXPIRE', meta, ttl + ${REMEMBER})
local at = epoch .. ':' .. string.format('%.0f', offset)
redis.call(ARGV[5], ARGV[6], 'prx1' .. at .. '\\n' .. data)
return at
`);

/** Reads. ARGV from 3: epoch, offset, limit; the offset is -1 to read the head alone. Returns the head, whether nothing is missing, and the entries. */
export const READ = script(`${STATE}
expire()
redis.call('HSET', meta, 'oldest', oldest)
redis.call('PEXPIRE', meta, ttl + ${REMEMBER})
local head = epoch .. ':' .. string.format('%.0f', offset)
local since, limit = tonumber(ARGV[4]), tonumber(ARGV[5])
if since < 0 then return { head, 1, {} } end
local first = offset - redis.call('LLEN', log) + 1
local whole = epoch == ARGV[3] and since >= first - 1 and since <= offset
local start = whole and since + 1 - first or 0
local entries = limit > 0 and redis.call('LRANGE', log, start, start + limit - 1) or {}
return { head, whole and 1 or 0, entries }
`);

function script(source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
