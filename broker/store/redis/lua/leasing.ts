// The part of the script that appends and leases, and does what comes with time.

export const leasing = `
local TICK = 500
local SCAN = 2000
-- What is kept back for its session; beyond that nothing more is looked at until some of it is settled.
local MAX_HELD = 100000

local function isFull(q, more, bytes)
  local set = q.set
  return (set.maxMessages > 0 and call('XLEN', q.messages) + more > set.maxMessages) or (set.maxBytes > 0 and total(q, 'bytes') + bytes > set.maxBytes)
end

-- True when they fit, or all that makes room for them is on lease to nobody.
local function canHaveRoom(q, more, bytes)
  if not isFull(q, more, bytes) then return true end
  local set = q.set
  if set.full ~= 'drop-oldest' then return false end
  if set.maxMessages > 0 and call('HLEN', q.leases) + more > set.maxMessages then return false end
  if set.maxBytes == 0 then return true end
  local heldBytes = 0
  for _, text in ipairs(call('HVALS', q.leases)) do heldBytes = heldBytes + readLease(text).bytes end
  return heldBytes + bytes <= set.maxBytes
end

-- The position of the first message with this id within the window.
local function duplicateOf(q, id)
  if not id or q.set.window == 0 then return nil end
  local at = tonumber(call('ZSCORE', q.idTimes, id))
  return at and at > now - q.set.window and call('HGET', q.ids, id) or nil
end

local function remember(q, id, pos)
  if not id or q.set.window == 0 then return end
  call('HSET', q.ids, id, pos)
  call('ZADD', q.idTimes, now, id)
end

local function forgetIds(q)
  for _, id in ipairs(call('ZRANGEBYSCORE', q.idTimes, '-inf', now - q.set.window, 'LIMIT', 0, TICK)) do
    call('HDEL', q.ids, id)
    call('ZREM', q.idTimes, id)
  end
end

-- One message. Above 0: its position; below: that of the one that it repeats; 0: there is no room.
local function append(q, frame, about)
  local id = about and about.id
  local first = duplicateOf(q, id)
  if first then
    count(q, 'duplicates', 1)
    return -tonumber(first)
  end
  if about and about.due and tonumber(about.due) <= now then about.due = nil end
  while isFull(q, 1, #frame) do
    if q.set.full ~= 'drop-oldest' or (q.set.maxBytes > 0 and #frame > q.set.maxBytes) then return 0 end
    local oldest = oldestWaiting(q)
    if not oldest then return 0 end
    bury(q, oldest, read(q, oldest), 'overflow', tonumber(call('HGET', q.tries, oldest)) or 0)
  end
  local pos = add(q, frame, about)
  remember(q, id, pos)
  count(q, 'stored', 1)
  return tonumber(pos)
end

-- Frames and what is said of them, in turns from ARGV[at] on. Answers runs: first position, count.
local function appendAll(q, at, messages)
  local runs = {}
  for i = 1, messages do
    local about = ARGV[at + 1]
    local result = append(q, ARGV[at], about ~= '' and cjson.decode(about) or nil)
    at = at + 2
    local run = runs[#runs]
    if run and ((run[1] == 0 and result == 0) or (run[1] > 0 and result == run[1] + run[2])) then run[2] = run[2] + 1
    else runs[#runs + 1] = { result, 1 } end
  end
  if q.set.window > 0 then forgetIds(q) end
  return runs
end

-- Leases are written together: a command for each would be the larger part of the work, and of the log. Lua hands over 7,999 values at most.
local GRANTS = 1000

local function grant(q, granted)
  if #granted.leases == 0 then return end
  call('HSET', q.leases, unpack(granted.leases))
  call('ZADD', q.leaseEnds, unpack(granted.ends))
  granted.leases, granted.ends = {}, {}
end

local function lease(q, pos, entry, tries, owner, out, granted)
  if isOver(q, entry) then return bury(q, pos, entry, 'expired', tries) end
  if q.set.maxAttempts > 0 and tries >= q.set.maxAttempts then return bury(q, pos, entry, 'max-attempts', tries) end
  if not admit(q, pos, entry, tries) then return end
  if tries > 0 then call('HDEL', q.tries, pos) end
  local leases, ends = granted.leases, granted.ends
  leases[#leases + 1] = pos
  leases[#leases + 1] = string.format('%.0f %.0f %s %s', tries + 1, #entry.frame, entry.expires or '0', owner)
  ends[#ends + 1] = now + q.set.ackWait
  ends[#ends + 1] = pos
  out[#out + 1] = { tonumber(pos), tries + 1, entry.frame }
  if #leases >= GRANTS then grant(q, granted) end
end

-- At most that many, or fewer bytes than an answer should have. True: there may be more.
local function leaseUpTo(q, wanted, owner, out)
  if call('HGET', q.totals, 'paused') == '1' then return false end
  local left = math.min(wanted, q.set.maxAckPending - call('HLEN', q.leases))
  local cursor = total(q, 'cursor')
  local began, scanned, bytes = cursor, 0, 0
  local granted = { leases = {}, ends = {} }
  while #out < left and scanned < SCAN and bytes < 4194304 do
    local again = call('ZRANGE', q.again, 0, math.min(left - #out, 100) - 1)
    if #again > 0 then
      for _, pos in ipairs(again) do
        scanned = scanned + 1
        call('ZREM', q.again, pos)
        local entry = read(q, pos)
        if entry then
          bytes = bytes + #entry.frame
          lease(q, pos, entry, tonumber(call('HGET', q.tries, pos)) or 0, owner, out, granted)
        end
        if bytes >= 4194304 then break end
      end
    else
      if q.set.order ~= '' and call('ZCARD', q.held) >= MAX_HELD then break end
      local page = call('XRANGE', q.messages, '(' .. string.format('%.0f', cursor) .. '-0', '+', 'COUNT', math.min(left - #out, 100))
      if #page == 0 then break end
      for _, found in ipairs(page) do
        scanned = scanned + 1
        local pos = positionOf(found[1])
        local entry = fieldsOf(found[2])
        cursor = tonumber(pos)
        -- What had a time to come goes by its time alone; and nothing was tried of what the cursor has not passed.
        if not entry.due then
          bytes = bytes + #entry.frame
          lease(q, pos, entry, 0, owner, out, granted)
        end
        if bytes >= 4194304 then break end
      end
    end
  end
  grant(q, granted)
  count(q, 'cursor', cursor - began)
  if #out >= wanted then return false end
  if #out < left and (scanned >= SCAN or bytes >= 4194304) then return true end
  call('SETNX', q.wanted, 1)
  return false
end

local function firstScore(key)
  local found = call('ZRANGE', key, 0, 0, 'WITHSCORES')
  return tonumber(found[2])
end

-- Milliseconds until something has to be done; -1: nothing has.
local function nextIn(q)
  local first = math.huge
  local function at(score, more)
    if score then first = math.min(first, score + (more or 0)) end
  end
  at(firstScore(q.due))
  at(firstScore(q.leaseEnds))
  at(firstScore(q.expiry))
  if q.set.retention > 0 then
    local found = call('XRANGE', q.messages, '(' .. string.format('%.0f', total(q, 'swept')) .. '-0', '+', 'COUNT', 1)[1]
    if found then at(tonumber(fieldsOf(found[2]).at), q.set.retention) end
  end
  if q.set.deadAge > 0 then at(firstScore(q.deadTimes), q.set.deadAge) end
  if q.set.order ~= '' then
    at(firstScore(q.waits), q.set.timeout)
    at(firstScore(q.lateTimes), q.set.timeout)
  end
  if first == math.huge then return -1 end
  return math.max(0, first - now)
end

local function expire(q, pos)
  if call('HEXISTS', q.leases, pos) == 1 then return end
  local entry = read(q, pos)
  if entry and isOver(q, entry) then bury(q, pos, entry, 'expired', tonumber(call('HGET', q.tries, pos)) or 0) end
end

-- All that comes with time, but for ack waits that are over: what becomes of those is the retry policy's.
local function tick(q)
  local moved = call('ZCARD', q.again)
  for _, pos in ipairs(call('ZRANGEBYSCORE', q.due, '-inf', now, 'LIMIT', 0, TICK)) do
    call('ZREM', q.due, pos)
    call('ZADD', q.again, pos, pos)
  end
  for _, pos in ipairs(call('ZRANGEBYSCORE', q.expiry, '-inf', now, 'LIMIT', 0, TICK)) do
    call('ZREM', q.expiry, pos)
    -- What is on lease is looked at when its lease ends.
    expire(q, pos)
  end
  if q.set.retention > 0 then
    local page = call('XRANGE', q.messages, '(' .. string.format('%.0f', total(q, 'swept')) .. '-0', '+', 'COUNT', 100)
    for _, found in ipairs(page) do
      local pos = positionOf(found[1])
      if tonumber(fieldsOf(found[2]).at) + q.set.retention > now then break end
      expire(q, pos)
      count(q, 'swept', tonumber(pos) - total(q, 'swept'))
    end
  end
  if q.set.deadAge > 0 then
    for _, pos in ipairs(call('ZRANGEBYSCORE', q.deadTimes, '-inf', now - q.set.deadAge, 'LIMIT', 0, TICK)) do removeDead(q, pos) end
  end
  timeOutOrder(q, TICK)
  if call('ZCARD', q.again) > moved then wake(q, '') end
end
`
