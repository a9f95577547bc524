// The part of the script that ends attempts and messages: acknowledged, tried again, a dead letter, or gone and counted.

export const endings = `
-- Gone from wherever it waits. Not to be called for what is on lease.
local function takeOut(q, pos, bytes)
  call('XDEL', q.messages, pos .. '-0')
  call('ZREM', q.again, pos)
  call('ZREM', q.due, pos)
  call('ZREM', q.expiry, pos)
  call('HDEL', q.tries, pos)
  call('HDEL', q.errors, pos)
  count(q, 'bytes', -bytes)
  leaveOrder(q, pos)
end

local function isOver(q, entry)
  if entry.expires and tonumber(entry.expires) <= now then return true end
  return q.set.retention > 0 and tonumber(entry.at) + q.set.retention <= now
end

local function bury(q, pos, entry, reason, attempts, history)
  history = history or historyOf(q, pos)
  takeOut(q, pos, #entry.frame)
  if not q.set.dead then
    local what = reason == 'expired' and 'expired' or 'dropped'
    count(q, what, 1)
    tell(what, pos, attempts, reason)
    return
  end
  call('ZADD', q.dead, pos, pos)
  call('ZADD', q.deadTimes, now, pos)
  call('HSET', q.deadFrames, pos, entry.frame)
  call('HSET', q.deadAbout, pos, cjson.encode({ at = tonumber(entry.at), expires = tonumber(entry.expires or 0), id = entry.id, session = entry.session, attempts = attempts, reason = reason, diedAt = now, history = history }))
  count(q, 'deadLettered', 1)
  count(q, 'deadBytes', #entry.frame)
  tell('dead-lettered', pos, attempts, reason)
end

local function removeDead(q, pos)
  if call('ZREM', q.dead, pos) == 0 then return nil end
  local frame = call('HGET', q.deadFrames, pos)
  local about = cjson.decode(call('HGET', q.deadAbout, pos))
  call('ZREM', q.deadTimes, pos)
  call('HDEL', q.deadFrames, pos)
  call('HDEL', q.deadAbout, pos)
  count(q, 'deadBytes', -#frame)
  return frame, about
end

-- Done, all of them, by position and lease; a command for each would be the larger part of the work.
local function ack(q, positions, leases, what)
  if #positions == 0 then return end
  call('HDEL', q.leases, unpack(positions))
  call('ZREM', q.leaseEnds, unpack(positions))
  local ids = {}
  for i, pos in ipairs(positions) do
    ids[i] = pos .. '-0'
    if leases[i].attempt > 1 then call('HDEL', q.errors, pos) end
    if leases[i].expires > 0 then call('ZREM', q.expiry, pos) end
    count(q, 'bytes', -leases[i].bytes)
  end
  call('XDEL', q.messages, unpack(ids))
  count(q, what, #positions)
  for _, pos in ipairs(positions) do leaveOrder(q, pos) end
end

-- Its attempt failed, and how: again after delay, or a dead letter. last: never again.
local function fail(q, pos, lease, error, delay, last)
  local entry = read(q, pos)
  endLease(q, pos)
  if not entry then return end
  local history = historyOf(q, pos)
  history[#history + 1] = { lease.attempt, now, error }
  if #history > MAX_HISTORY then table.remove(history, 1) end
  local isLast = q.set.maxAttempts > 0 and lease.attempt >= q.set.maxAttempts
  local reason = last or (isOver(q, entry) and 'expired') or (isLast and 'max-attempts')
  if reason then
    bury(q, pos, entry, reason, lease.attempt, history)
    return
  end
  call('HSET', q.tries, pos, lease.attempt)
  call('HSET', q.errors, pos, cjson.encode(history))
  failInOrder(q, pos)
  if delay > 0 then call('ZADD', q.due, now + delay, pos) else call('ZADD', q.again, pos, pos) end
  count(q, 'retried', 1)
  tell('retry', pos, lease.attempt, error, now + delay)
end

-- Nobody has it any more. counts: its attempt was one.
local function giveBack(q, pos, lease, counts)
  endLease(q, pos)
  local tries = counts and lease.attempt or lease.attempt - 1
  if tries > 0 then call('HSET', q.tries, pos, tries) else call('HDEL', q.tries, pos) end
  call('ZADD', q.again, pos, pos)
  -- Its time may have come meanwhile, when nobody looked because it was on lease.
  local entry = q.set.retention > 0 and read(q, pos)
  local over = lease.expires > 0 and lease.expires or entry and tonumber(entry.at) + q.set.retention
  if over then call('ZADD', q.expiry, over, pos) end
end

-- The oldest that waits and nobody has, as far as that can be said without reading all.
local function oldestWaiting(q)
  local again = call('ZRANGE', q.again, 0, 0)[1]
  local after = total(q, 'cursor')
  while true do
    local page = call('XRANGE', q.messages, '(' .. string.format('%.0f', after) .. '-0', '+', 'COUNT', 10)
    if #page == 0 then break end
    for _, found in ipairs(page) do
      local pos = positionOf(found[1])
      if again and tonumber(again) < tonumber(pos) then return again end
      if call('HEXISTS', q.leases, pos) == 0 then return pos end
      after = tonumber(pos)
    end
  end
  if again then return again end
  local due = call('ZRANGE', q.due, 0, 0)[1]
  if due then return due end
  local member = call('ZRANGE', q.held, 0, 0)[1] or call('ZRANGE', q.late, 0, 0)[1]
  return member and string.match(member, '%d+$')
end
`
