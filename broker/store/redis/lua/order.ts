// The part of the script that keeps the order of sessions, for all brokers together: the rules of broker/store/policy, in Redis.
//
//   admit ─▶ (late by its number: `late`) ─▶ (its session has a head: `held`) ─▶ it goes, and is the head of its session
//   gone ──▶ the next of its session goes to `again`
//   failed ▶ its session waits for it (`waits`), no longer than the time-out after its first failure
//
//   heads  hash: session ─▶ position on its way        turns  hash: position ─▶ session, of heads and held
//   held, late  sorted sets of `<length>:<session>:<number>:<position>`, so that one key holds all sessions and each has its range
//   kept   hash: position ─▶ `h` or `l` and its member there

export const order = `
local FORGET_MS = 7 * 86400000

local function orderKey(q, session)
  if q.set.order == 'queue' then return '' end
  if q.set.order == 'session' then return session end
  return nil
end

local function rangeOf(session)
  return #session .. ':' .. session .. ':'
end

local function firstOf(key, session)
  local range = rangeOf(session)
  local member = call('ZRANGEBYLEX', key, '[' .. range, '(' .. range .. ':', 'LIMIT', 0, 1)[1]
  if not member then return nil end
  local number, pos = string.match(member, '(%d+):(%d+)$')
  return pos, tonumber(number), member
end

local function keep(q, key, kind, session, number, pos)
  local member = rangeOf(session) .. string.format('%016d', number) .. ':' .. pos
  call('ZADD', key, 0, member)
  call('HSET', q.kept, pos, kind .. member)
end

-- The session goes on with the first of those held.
local function goOn(q, session)
  local pos, _, member = firstOf(q.held, session)
  if not pos then
    call('HDEL', q.heads, session)
    return
  end
  call('ZREM', q.held, member)
  call('HDEL', q.kept, pos)
  call('HSET', q.heads, session, pos)
  call('ZADD', q.again, pos, pos)
end

-- True: it may go now, and holds its session.
local function turn(q, pos, session, isRetry)
  local head = call('HGET', q.heads, session)
  if head == pos then
    call('ZREM', q.waits, pos)
    return true
  end
  call('HSET', q.turns, pos, session)
  if not head then
    call('HSET', q.heads, session, pos)
    return true
  end
  keep(q, q.held, 'h', session, isRetry and 0 or call('HINCRBY', q.totals, 'turn', 1), pos)
  return false
end

-- Those that waited for this number, and are next.
local function follow(q, session, nextNumber)
  local key = orderKey(q, session)
  while true do
    local pos, number, member = firstOf(q.late, session)
    if not pos or number > nextNumber then break end
    call('ZREM', q.late, member)
    call('ZREM', q.lateTimes, pos)
    call('HDEL', q.kept, pos)
    if turn(q, pos, key, false) then call('ZADD', q.again, pos, pos) end
    nextNumber = math.max(nextNumber, number + 1)
  end
  call('HSET', q.numbers, session, nextNumber)
  call('ZADD', q.numberTimes, now, session)
end

-- Gives up on what is missing before the first that waits.
local function skip(q, session)
  local _, number = firstOf(q.late, session)
  if number then follow(q, session, number) end
end

-- True: it may be leased now. False: it is kept back, and comes again by again.
local function admit(q, pos, entry, tries)
  local session = entry.session
  local key = orderKey(q, session)
  if not key then return true end
  local number = tonumber(entry.sequence or 0)
  if number == 0 or not session or tries > 0 or call('HEXISTS', q.turns, pos) == 1 then return turn(q, pos, key, tries > 0) end
  local nextNumber = tonumber(call('HGET', q.numbers, session)) or 1
  if number <= nextNumber or q.set.buffer == 0 then
    local may = turn(q, pos, key, false)
    follow(q, session, math.max(nextNumber, number + 1))
    return may
  end
  keep(q, q.late, 'l', session, number, pos)
  call('ZADD', q.lateTimes, now, pos)
  local range = rangeOf(session)
  if call('ZLEXCOUNT', q.late, '[' .. range, '(' .. range .. ':') > q.set.buffer then skip(q, session) end
  return false
end

-- It is gone for good.
local function leaveOrder(q, pos)
  if q.set.order == '' then return end
  local kept = call('HGET', q.kept, pos)
  if kept then
    call('ZREM', string.sub(kept, 1, 1) == 'h' and q.held or q.late, string.sub(kept, 2))
    call('ZREM', q.lateTimes, pos)
    call('HDEL', q.kept, pos)
  end
  local session = call('HGET', q.turns, pos)
  if not session then return end
  call('HDEL', q.turns, pos)
  call('HDEL', q.failed, pos)
  call('ZREM', q.waits, pos)
  if call('HGET', q.heads, session) == pos then goOn(q, session) end
end

local function stepAside(q, pos, session)
  call('HDEL', q.turns, pos)
  call('HDEL', q.failed, pos)
  call('ZREM', q.waits, pos)
  goOn(q, session)
end

-- It failed and comes again.
local function failInOrder(q, pos)
  if q.set.order == '' then return end
  local session = call('HGET', q.turns, pos)
  if not session or call('HGET', q.heads, session) ~= pos then return end
  call('HSETNX', q.failed, pos, now)
  local since = tonumber(call('HGET', q.failed, pos))
  if now - since < q.set.timeout then call('ZADD', q.waits, since, pos) else stepAside(q, pos, session) end
end

-- Those that have waited long enough, for a number or for a head.
local function timeOutOrder(q, limit)
  if q.set.order == '' then return end
  for _, pos in ipairs(call('ZRANGEBYSCORE', q.lateTimes, '-inf', now - q.set.timeout, 'LIMIT', 0, limit)) do
    while true do
      local kept = call('HGET', q.kept, pos)
      if not kept or string.sub(kept, 1, 1) ~= 'l' then break end
      local length, at = string.match(kept, '^l(%d+):()')
      skip(q, string.sub(kept, at, at + length - 1))
    end
  end
  for _, pos in ipairs(call('ZRANGEBYSCORE', q.waits, '-inf', now - q.set.timeout, 'LIMIT', 0, limit)) do
    local session = call('HGET', q.turns, pos)
    if session then stepAside(q, pos, session) else call('ZREM', q.waits, pos) end
  end
  for _, session in ipairs(call('ZRANGEBYSCORE', q.numberTimes, '-inf', now - FORGET_MS, 'LIMIT', 0, limit)) do
    call('HDEL', q.numbers, session)
    call('ZREM', q.numberTimes, session)
  end
end

-- Another order: all that is kept back is looked at anew.
local function reorder(q)
  local was = call('HGET', q.totals, 'order') or ''
  if was == q.set.order then return end
  for _, key in ipairs({ q.held, q.late }) do
    for _, member in ipairs(call('ZRANGE', key, 0, -1)) do
      local pos = string.match(member, '%d+$')
      call('ZADD', q.again, pos, pos)
    end
  end
  call('DEL', q.heads, q.turns, q.held, q.kept, q.waits, q.failed, q.late, q.lateTimes)
  call('HSET', q.totals, 'order', q.set.order)
  if q.set.order == '' then return end
  for _, pos in ipairs(call('ZRANGE', q.leaseEnds, 0, -1)) do
    local entry = read(q, pos)
    local key = entry and orderKey(q, entry.session)
    if key and call('HSETNX', q.heads, key, pos) == 1 then call('HSET', q.turns, pos, key) end
  end
end
`
