// The part of the script that is called: ARGV[1] names what is asked, KEYS[1] begins the keys of the queue, ARGV[2] has its settings.
// A call is one step: it is done as a whole, between those of all other brokers.

export const operations = `
local ops = {}
local q = queueOf(KEYS[1], ARGV[2])

-- queues, owner
function ops.open()
  call('SADD', ARGV[3], ARGV[4])
  call('HSET', q.totals, 'opened', now)
  reorder(q)
  return { call('HGET', q.totals, 'paused') == '1' and 1 or 0, ops.leave(5) }
end

-- What this broker had is ready for the next one, its attempt counted; but for those named behind: they were never told.
function ops.leave(at)
  at = at or 3
  local owner, back = ARGV[at], 0
  local untold = {}
  for i = at + 1, #ARGV do untold[ARGV[i]] = true end
  for _, pos in ipairs(call('ZRANGE', q.leaseEnds, 0, -1)) do
    local held = leaseOf(q, pos)
    if held and held.owner == owner then
      giveBack(q, pos, held, not untold[pos])
      back = back + 1
    end
  end
  if back > 0 then wake(q, owner) end
  return back
end

-- After the connection was lost: of its leases this broker knows those that are named; the others it was never told of.
function ops.reclaim()
  local owner, known, back = ARGV[3], {}, 0
  for i = 4, #ARGV do known[ARGV[i]] = true end
  for _, pos in ipairs(call('ZRANGE', q.leaseEnds, 0, -1)) do
    local held = leaseOf(q, pos)
    if held and held.owner == owner and not known[pos] then
      giveBack(q, pos, held, false)
      back = back + 1
    end
  end
  if back > 0 then wake(q, owner) end
  return { call('HGET', q.totals, 'paused') == '1' and 1 or 0, back }
end

-- owner, how many; then pairs
function ops.append()
  local runs = appendAll(q, 5, tonumber(ARGV[4]))
  wake(q, ARGV[3])
  return { runs, events }
end

-- owner, how many
function ops.lease()
  local out = {}
  tick(q)
  local more = leaseUpTo(q, tonumber(ARGV[4]), ARGV[3], out)
  return { out, more and 1 or 0, nextIn(q), events }
end

-- Also names the leases whose ack wait is over.
function ops.tick()
  tick(q)
  local over = {}
  for i, pos in ipairs(call('ZRANGEBYSCORE', q.leaseEnds, '-inf', now, 'LIMIT', 0, TICK)) do
    local held = leaseOf(q, pos)
    over[i] = { tonumber(pos), held and held.attempt or 0 }
  end
  return { over, nextIn(q), events }
end

-- owner, how many acks, their positions and attempts; then five of each other: verdict, position, attempt, delay, reason.
-- Names those whose lease is not held by their place among all, from 1.
function ops.settle()
  local owner, lost, freed, place = ARGV[3], {}, false, 0
  local function leased(pos, attempt, of)
    place = place + 1
    local held = leaseOf(q, pos)
    if held and held.attempt == tonumber(attempt) and (not of or held.owner == of) then return held end
    lost[#lost + 1] = place
    return nil
  end
  local at, acks = 5, tonumber(ARGV[4])
  while acks > 0 do
    local asked = {}
    for i = 1, math.min(acks, 1000) do asked[i] = ARGV[at + 2 * i - 2] end
    local found = call('HMGET', q.leases, unpack(asked))
    local positions, leases, seen = {}, {}, {}
    for i, pos in ipairs(asked) do
      place = place + 1
      local held = readLease(found[i])
      if held and held.attempt == tonumber(ARGV[at + 2 * i - 1]) and held.owner == owner and not seen[pos] then
        positions[#positions + 1], leases[#leases + 1], seen[pos] = pos, held, true
      else lost[#lost + 1] = place end
    end
    ack(q, positions, leases, 'acked')
    freed = freed or #positions > 0
    at, acks = at + 2 * #asked, acks - #asked
  end
  while at < #ARGV do
    local verdict, pos, delay, reason = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 3]), ARGV[at + 4]
    local held = leased(pos, ARGV[at + 2], verdict ~= 'over' and owner)
    if held then
      if verdict == 'working' then call('ZADD', q.leaseEnds, now + q.set.ackWait, pos)
      elseif verdict == 'release' then giveBack(q, pos, held, false)
      elseif verdict == 'term' then fail(q, pos, held, reason, 0, 'term')
      elseif verdict == 'nak' then fail(q, pos, held, reason, delay)
      -- It may have said meanwhile that it works.
      elseif (tonumber(call('ZSCORE', q.leaseEnds, pos)) or 0) <= now then fail(q, pos, held, reason, delay) end
      freed = freed or verdict ~= 'working'
    end
    at = at + 5
  end
  if freed then wake(q, owner) end
  return { lost, events }
end

-- owner, position, attempt, how many queues; then of each: key, settings, how many, and pairs
function ops.forward()
  local owner, pos = ARGV[3], ARGV[4]
  local held = leaseOf(q, pos)
  if not held or held.attempt ~= tonumber(ARGV[5]) or held.owner ~= owner then return { 'lost' } end
  local targets, open, at = {}, { [KEYS[1]] = q }, 7
  for i = 1, tonumber(ARGV[6]) do
    local to = open[ARGV[at]] or queueOf(ARGV[at], ARGV[at + 1])
    open[ARGV[at]] = to
    local messages, bytes, new = tonumber(ARGV[at + 2]), 0, 0
    for m = 1, messages do
      local about = ARGV[at + 2 * m + 2]
      if about == '' or not duplicateOf(to, cjson.decode(about).id) then
        new = new + 1
        bytes = bytes + #ARGV[at + 2 * m + 1]
      end
    end
    to.coming.messages = to.coming.messages + new
    to.coming.bytes = to.coming.bytes + bytes
    if new > 0 and not canHaveRoom(to, to.coming.messages, to.coming.bytes) then return { 'full', i } end
    targets[i] = { to = to, at = at + 3, messages = messages }
    at = at + 3 + 2 * messages
  end
  ack(q, { pos }, { held }, 'forwarded')
  local results = {}
  for i, target in ipairs(targets) do
    results[i] = { appendAll(target.to, target.at, target.messages), events }
    events = {}
    save(target.to)
    wake(target.to, '')
  end
  wake(q, '')
  return { 'done', results }
end

function ops.counts()
  tick(q)
  local sums = {}
  for i, what in ipairs({ 'stored', 'duplicates', 'acked', 'forwarded', 'deadLettered', 'expired', 'dropped', 'purged', 'replayed', 'retried', 'last', 'bytes', 'deadBytes' }) do sums[i] = total(q, what) end
  local oldest = call('XRANGE', q.messages, '-', '+', 'COUNT', 1)[1]
  return { sums, call('XLEN', q.messages), call('ZCARD', q.due), call('ZCARD', q.held) + call('ZCARD', q.late), call('HLEN', q.leases), call('ZCARD', q.dead), oldest and tonumber(fieldsOf(oldest[2]).at) or 0, events }
end

-- after, limit. An answer has 64 MiB at most, or one message.
function ops.waiting()
  tick(q)
  local out, bytes, after, left = {}, 0, ARGV[3], tonumber(ARGV[4])
  while left > 0 and bytes < 67108864 do
    local page = call('XRANGE', q.messages, '(' .. after .. '-0', '+', 'COUNT', math.min(left, 20))
    if #page == 0 then break end
    for _, found in ipairs(page) do
      local pos, entry = positionOf(found[1]), fieldsOf(found[2])
      local held, due = leaseOf(q, pos), call('ZSCORE', q.due, pos)
      local state = held and 'in-flight' or due and 'delayed' or call('HEXISTS', q.kept, pos) == 1 and 'held' or 'ready'
      local history = historyOf(q, pos)
      local attempts = held and held.attempt or tonumber(call('HGET', q.tries, pos)) or 0
      local about = { state = state, attempts = attempts, at = tonumber(entry.at), due = tonumber(due or entry.due or 0), expires = tonumber(entry.expires or 0), id = entry.id, session = entry.session, error = history[#history] and history[#history][3] }
      out[#out + 1] = { tonumber(pos), entry.frame, cjson.encode(about) }
      after, bytes, left = pos, bytes + #entry.frame, left - 1
    end
  end
  return { out, events }
end

-- after, limit
function ops.dead()
  local out, bytes = {}, 0
  for _, pos in ipairs(call('ZRANGEBYSCORE', q.dead, '(' .. ARGV[3], '+inf', 'LIMIT', 0, ARGV[4])) do
    local frame = call('HGET', q.deadFrames, pos)
    out[#out + 1] = { tonumber(pos), frame, call('HGET', q.deadAbout, pos) }
    bytes = bytes + #frame
    if bytes >= 67108864 then break end
  end
  return { out, events }
end

-- Positions; see redis-queue.ts for 'all'. Answers how many, and the last one when there was no room for it.
function ops.replay()
  local done = 0
  for i = 3, #ARGV do
    if call('ZSCORE', q.dead, ARGV[i]) then
      local frame = call('HGET', q.deadFrames, ARGV[i])
      if q.set.full ~= 'drop-oldest' and isFull(q, 1, #frame) then
        wake(q, '')
        return { done, 1, events }
      end
      local _, about = removeDead(q, ARGV[i])
      add(q, frame, { id = about.id, session = about.session })
      count(q, 'replayed', 1)
      done = done + 1
    end
  end
  wake(q, '')
  return { done, 0, events }
end

-- Positions
function ops.purgeDead()
  local done = 0
  for i = 3, #ARGV do
    if removeDead(q, ARGV[i]) then done = done + 1 end
  end
  return { done, 0, events }
end

function ops.purgeWaiting()
  local done = 0
  for i = 3, #ARGV do
    if call('HEXISTS', q.leases, ARGV[i]) == 0 then
      local entry = read(q, ARGV[i])
      if entry then
        takeOut(q, ARGV[i], #entry.frame)
        count(q, 'purged', 1)
        done = done + 1
      end
    end
  end
  wake(q, '')
  return { done, 0, events }
end

-- which, after: up to a thousand positions behind that one
function ops.positions()
  local out = {}
  if ARGV[3] == 'dead' then
    for i, pos in ipairs(call('ZRANGEBYSCORE', q.dead, '(' .. ARGV[4], '+inf', 'LIMIT', 0, 1000)) do out[i] = tonumber(pos) end
  else
    for i, found in ipairs(call('XRANGE', q.messages, '(' .. ARGV[4] .. '-0', '+', 'COUNT', 1000)) do out[i] = tonumber(positionOf(found[1])) end
  end
  return out
end

function ops.pause()
  call('HSET', q.totals, 'paused', ARGV[3])
  call('PUBLISH', q.base, 'paused ' .. ARGV[3])
  return 1
end

function ops.change()
  reorder(q)
  wake(q, '')
  return 1
end

-- A server whose memory is full denies a script what needs more, unless it has written something before. Only what brings new messages
-- is to be denied: leases and settlements make room.
if ARGV[1] ~= 'append' and ARGV[1] ~= 'replay' then call('DEL', q.wanted .. ':none') end
local answer = ops[ARGV[1]]()
save(q)
return answer
`
