// The part of the script that all others stand on: the keys of a queue, its totals, its messages and what is told of them.
//
//   <prefix>:queue:<name>:<what>
//   messages   stream, id <position>-0: frame, at, and where they apply due, expires, sequence, id, session
//   totals     hash: last position, cursor, counts over the queue's life, whether it is paused
//   again      sorted set: what may be leased before the cursor moves on, by position
//   due        sorted set: what is not due yet, by its time. Such a message never goes by the cursor, but through `again`
//   leases     hash: `attempt bytes expires owner`; leaseEnds: sorted set by the end of the ack wait
//   tries, errors   hashes: attempts that failed, and with what
//   expiry     sorted set: times to live; ids, idTimes: the window of deduplication
//   dead, deadTimes, deadFrames, deadAbout: dead letters by position, by time, and what they are
//   heads, turns, held, kept, waits, failed, numbers, numberTimes, late, lateTimes: the order of sessions, see order.ts

/** All keys of a queue, by the last part of their names. */
export const queueKeys = ['messages', 'totals', 'again', 'due', 'leases', 'leaseEnds', 'tries', 'errors', 'expiry', 'ids', 'idTimes', 'dead', 'deadTimes', 'deadFrames', 'deadAbout', 'heads', 'turns', 'held', 'kept', 'waits', 'failed', 'numbers', 'numberTimes', 'late', 'lateTimes', 'wanted'] as const

export const ground = `
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local events = {}
local MAX_HISTORY = 20

-- Settings come with each call, so that a broker's own hold for what it does.
local function queueOf(base, settings)
  local q = { base = base, set = settings and cjson.decode(settings), sums = {}, last = 0, coming = { messages = 0, bytes = 0 } }
  return setmetatable(q, { __index = function(self, what)
    local key = base .. ':' .. what
    rawset(self, what, key)
    return key
  end })
end

-- Totals are written once in a call.
local function count(q, what, more)
  q.sums[what] = (q.sums[what] or 0) + more
end

local function total(q, what)
  return (tonumber(call('HGET', q.totals, what)) or 0) + (q.sums[what] or 0)
end

local function save(q)
  for what, more in pairs(q.sums) do
    if more ~= 0 then call('HINCRBY', q.totals, what, more) end
  end
  q.sums = {}
end

-- Whoever waits for messages asks again; from has done so already.
local function wake(q, from)
  if call('DEL', q.wanted) == 1 then call('PUBLISH', q.base, 'messages ' .. from) end
end

local function tell(event, pos, attempt, reason, dueAt)
  events[#events + 1] = { event, tonumber(pos), tonumber(attempt), reason, dueAt or 0 }
end

local function fieldsOf(list)
  local entry = {}
  for i = 1, #list, 2 do entry[list[i]] = list[i + 1] end
  return entry
end

local function positionOf(id)
  return string.match(id, '^%d+')
end

local function read(q, pos)
  local found = call('XRANGE', q.messages, pos .. '-0', pos .. '-0')[1]
  return found and fieldsOf(found[2])
end

-- Puts a message at the end; of about id, session, sequence, due, expires, as far as they apply.
local function add(q, frame, about)
  if q.last == 0 then q.last = total(q, 'last') end
  q.last = q.last + 1
  count(q, 'last', 1)
  count(q, 'bytes', #frame)
  local pos = string.format('%.0f', q.last)
  if not about then
    call('XADD', q.messages, pos .. '-0', 'at', now, 'frame', frame)
    return pos
  end
  local fields = { 'at', now, 'frame', frame }
  for _, name in ipairs({ 'due', 'expires', 'sequence', 'id', 'session' }) do
    if about[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = about[name]
    end
  end
  call('XADD', q.messages, pos .. '-0', unpack(fields))
  if about.due then call('ZADD', q.due, about.due, pos) end
  if about.expires then call('ZADD', q.expiry, about.expires, pos) end
  return pos
end

local function readLease(text)
  if not text then return nil end
  local attempt, bytes, expires, owner = string.match(text, '^(%d+) (%d+) (%d+) (.*)$')
  return { attempt = tonumber(attempt), bytes = tonumber(bytes), expires = tonumber(expires), owner = owner }
end

local function leaseOf(q, pos)
  return readLease(call('HGET', q.leases, pos))
end

local function endLease(q, pos)
  call('HDEL', q.leases, pos)
  call('ZREM', q.leaseEnds, pos)
end

local function historyOf(q, pos)
  local text = call('HGET', q.errors, pos)
  return text and cjson.decode(text) or {}
end
`
