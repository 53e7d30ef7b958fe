-- One step in the life of a job, whole or not at all: Redis lets nothing come between.
--
-- Jobs, queues and registries lie where RQ 3 keeps them, in its words, so that its tools show them:
-- rq:job:ID (a hash), rq:queue:NAME (a list), rq:wip:, rq:scheduled:, rq:finished:, rq:failed: and
-- rq:canceled:NAME (sorted sets). What RQ has no place for lies in the same hash under names that
-- begin with "satseek.", and under keys that begin with "satseek:jobs:".
--
-- ARGV[1]: name of the step; ARGV[2]: what it needs, as JSON; ARGV[3] and on: fields and values that
-- go into the job's hash as they are, or names of fields that are asked for.
--
-- The first change of a step that must work when Redis is short of memory is one that takes no
-- memory: Redis refuses a script only before its first change, and one that has begun ends.

local given = cjson.decode(ARGV[2])
local fields = {}
for i = 3, #ARGV do
  fields[#fields + 1] = ARGV[i]
end

local RQ = given.rq
local OURS = 'satseek:jobs:'
local ALL = OURS .. 'all' -- every id, sorted
local EXPIRING = OURS .. 'expiring' -- ids of final jobs, by when they are forgotten
local GHOSTS = OURS .. 'ghosts' -- ids in a list whose jobs were cancelled
local LAST = OURS .. 'last' -- milliseconds of the last id
local SCHEDULES = OURS .. 'schedules' -- definitions by name
local MADE = OURS .. 'made' -- when they were set up, by name
local FIRED = OURS .. 'fired' -- the latest moment asked for, by name
local ATTENDED = OURS .. 'attended' -- a worker that was heard of lately
local BELL = OURS .. 'bell' -- channel that says: look now

local FORGOTTEN_AT_ONCE = 200 -- about a millisecond's work
local LATE_SECONDS = 3600 -- Redis itself drops what nobody came by to forget
local DUE_AT_ONCE = 64
local GHOSTS_AT_ONCE = 5000
local LOOKED_THROUGH = 500 -- of the head of a line, behind those that were cancelled
local ENDED = { 'finished', 'failed', 'canceled' }

local function clock()
  if given.now then
    return given.now
  end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local now = clock()

local function stamp(seconds)
  return string.format('%.6f', seconds)
end

local function name_of(priority)
  if priority == 0 then
    return given.queue
  end
  return string.format('%s%+d', given.queue, priority)
end

local NAMES = {}
for priority = given.highest, given.lowest, -1 do
  NAMES[#NAMES + 1] = name_of(priority)
end

local function job_at(id)
  return RQ .. ':job:' .. id
end

local function key_at(key)
  return OURS .. 'key:' .. key
end

local function list_of(name)
  return RQ .. ':queue:' .. name
end

local function registry(kind, name)
  return RQ .. ':' .. kind .. ':' .. name
end

local function all_of(id)
  return redis.call('HGETALL', job_at(id))
end

local function is_over(id)
  local expires = redis.call('HGET', job_at(id), 'satseek.expires')
  return expires and tonumber(expires) <= now
end

-- Drop jobs whose time is over.
local function forget()
  local old = redis.call('ZRANGEBYSCORE', EXPIRING, '-inf', stamp(now), 'LIMIT', 0,
    FORGOTTEN_AT_ONCE)
  if #old == 0 then
    return
  end
  for _, id in ipairs(old) do
    local key = redis.call('HGET', job_at(id), 'satseek.key')
    if key and redis.call('GET', key_at(key)) == id then
      redis.call('DEL', key_at(key))
    end
    redis.call('DEL', job_at(id), registry('results', id))
    redis.call('ZREM', ALL, id)
    redis.call('ZREM', EXPIRING, id)
  end
  for _, name in ipairs(NAMES) do
    for _, kind in ipairs(ENDED) do
      redis.call('ZREMRANGEBYSCORE', registry(kind, name), '-inf', stamp(now))
    end
  end
end

local function waiting()
  local count = -redis.call('SCARD', GHOSTS)
  for _, name in ipairs(NAMES) do
    count = count + redis.call('LLEN', list_of(name))
    count = count + redis.call('ZCARD', registry('scheduled', name))
  end
  return count
end

-- Let what follows be done though Redis is short of memory: it takes hardly any.
local function at_any_rate()
  redis.call('DEL', OURS .. 'nothing')
end

local function ring()
  redis.call('PUBLISH', BELL, '')
end

-- A final state.
local function finalize(id, status)
  local key = job_at(id)
  local held = redis.call('HMGET', key, 'origin', 'satseek.keep', 'satseek.key')
  local keep = tonumber(held[2])
  local expires = stamp(now + keep)
  redis.call('HSET', key, 'status', status, 'ended_at', given.at, 'satseek.finished', stamp(now),
    'satseek.expires', expires, 'satseek.token', '', 'satseek.cancelling', '0')
  redis.call('ZADD', registry(status, held[1]), expires, id)
  redis.call('ZADD', EXPIRING, expires, id)
  redis.call('EXPIRE', key, math.ceil(keep) + LATE_SECONDS)
  if held[3] then
    redis.call('EXPIRE', key_at(held[3]), math.ceil(keep) + LATE_SECONDS)
  end
  ring()
end

-- Wait until a moment; those whose moment has come go by the order of asking, too.
local function wait_until(id, name, moment)
  redis.call('ZADD', registry('scheduled', name), stamp(moment), id)
  redis.call('HSET', job_at(id), 'status', 'scheduled')
  ring()
end

-- Whether a try is the one at work.
local function holds(id, token)
  local held = redis.call('HMGET', job_at(id), 'status', 'satseek.token')
  return held[1] == 'started' and held[2] == token
end

-- A try ends without a result: there is another one, or none.
local function tried(id, name, moment)
  local key = job_at(id)
  local held = redis.call('HMGET', key, 'satseek.cancelling', 'satseek.attempts', 'satseek.most')
  if held[1] == '1' then
    redis.call('HSET', key, 'satseek.error', '', 'satseek.error_kind', '')
    finalize(id, 'canceled')
  elseif tonumber(held[2]) >= tonumber(held[3]) then
    finalize(id, 'failed')
  else
    redis.call('HSET', key, 'satseek.token', '', 'satseek.done', 0, 'satseek.total', 0,
      'satseek.note', '')
    if held[2] == '0' then
      redis.call('HDEL', key, 'satseek.started', 'satseek.begun')
    end
    if moment > now then
      redis.call('HSET', key, 'satseek.not_before', stamp(moment))
    end
    wait_until(id, name, moment)
  end
end

-- Take the jobs of workers that were not heard of back.
local function take_back()
  local before = '(' .. stamp(now)
  for _, name in ipairs(NAMES) do
    local started = registry('wip', name)
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', started, '-inf', before, 'LIMIT', 0, 100)) do
      redis.call('ZREM', started, member)
      local id, token = string.match(member, '^(%x+):(.*)$')
      if id and holds(id, token) then
        local held = redis.call('HMGET', job_at(id), 'satseek.attempts', 'satseek.most')
        local text = given.silent
        if tonumber(held[1]) >= tonumber(held[2]) then
          local times = held[1] == '1' and 'once' or held[1] .. ' times'
          text = string.format(given.died, times)
        end
        redis.call('HSET', job_at(id), 'satseek.error', text, 'satseek.error_kind', '')
        tried(id, name, now)
      end
    end
  end
end

-- The first whose turn it is in one queue, taken out of it.
local function first_of(name, left)
  local list, later = list_of(name), registry('scheduled', name)
  while left > 0 do
    local id = redis.call('LINDEX', list, 0)
    local best = id
    for _, due in ipairs(redis.call('ZRANGEBYSCORE', later, '-inf', stamp(now), 'LIMIT', 0,
      DUE_AT_ONCE)) do
      if not best or due < best then
        best = due
      end
    end
    if not best then
      return nil, left
    end
    if best == id then
      redis.call('LPOP', list)
      redis.call('SREM', GHOSTS, id)
    else
      redis.call('ZREM', later, best)
    end
    local status = redis.call('HGET', job_at(best), 'status')
    if status == 'queued' or status == 'scheduled' then
      return best, left
    end
    left = left - 1
  end
  return nil, 0
end

local function begin(id, name)
  local key = job_at(id)
  local attempts = redis.call('HINCRBY', key, 'satseek.attempts', 1)
  local most = tonumber(redis.call('HGET', key, 'satseek.most'))
  redis.call('HSETNX', key, 'satseek.started', stamp(now))
  redis.call('HSET', key, 'status', 'started', 'started_at', given.at, 'last_heartbeat', given.at,
    'worker_name', given.worker, 'retries_left', math.max(most - attempts, 0),
    'satseek.begun', stamp(now), 'satseek.token', given.token, 'satseek.done', 0,
    'satseek.total', 0, 'satseek.note', '', 'satseek.error', '', 'satseek.error_kind', '',
    'satseek.log', '')
  redis.call('ZADD', registry('wip', name), stamp(now + given.lease), id .. ':' .. given.token)
end

local steps = {}

function steps.submit()
  forget()
  if given.key then
    local before = redis.call('GET', key_at(given.key))
    if before and redis.call('EXISTS', job_at(before)) == 1 and not is_over(before) then
      if redis.call('HGET', job_at(before), 'satseek.same') ~= given.same then
        return { 'conflict' }
      end
      return { 'job', before, all_of(before) }
    end
  end
  if waiting() >= given.most_waiting then
    return { 'full' }
  end
  local last = redis.call('GET', LAST)
  local moment = math.floor(now * 1000)
  if last and tonumber(last) >= moment then
    moment = tonumber(last) + 1
  end
  local id = string.format('%012x', moment) .. given.chance
  local name = name_of(given.priority)
  redis.call('HSET', job_at(id), 'satseek.created', stamp(now), 'satseek.same', given.same,
    unpack(fields))
  redis.call('SET', LAST, string.format('%.0f', moment))
  redis.call('ZADD', ALL, 0, id)
  redis.call('SADD', RQ .. ':queues', list_of(name))
  if given.key then
    redis.call('SET', key_at(given.key), id)
    redis.call('HSET', job_at(id), 'satseek.key', given.key)
  end
  if given.not_before and given.not_before > now then
    wait_until(id, name, given.not_before)
  else
    redis.call('HSET', job_at(id), 'status', 'queued', 'enqueued_at', given.at)
    redis.call('RPUSH', list_of(name), id)
    ring()
  end
  return { 'job', id, all_of(id) }
end

function steps.find()
  if redis.call('EXISTS', job_at(given.id)) == 0 or is_over(given.id) then
    return { 'none' }
  end
  return { 'job', given.id, all_of(given.id) }
end

function steps.page()
  forget()
  local from = '+'
  if given.before ~= '' then
    from = '(' .. given.before
  end
  local ids = redis.call('ZREVRANGEBYLEX', ALL, from, '-', 'LIMIT', 0, given.limit)
  local rows = {}
  for _, id in ipairs(ids) do
    if not is_over(id) then
      rows[#rows + 1] = { id, redis.call('HMGET', job_at(id), unpack(fields)) }
    end
  end
  return { 'page', ids[#ids] or '', rows }
end

function steps.cancel()
  at_any_rate()
  local key = job_at(given.id)
  local held = redis.call('HMGET', key, 'status', 'origin')
  if not held[1] or is_over(given.id) then
    return { 'none' }
  end
  if held[1] == 'queued' then
    redis.call('SADD', GHOSTS, given.id)
    finalize(given.id, 'canceled')
  elseif held[1] == 'scheduled' then
    redis.call('ZREM', registry('scheduled', held[2]), given.id)
    finalize(given.id, 'canceled')
  elseif held[1] == 'started' then
    redis.call('HSET', key, 'satseek.cancelling', '1')
    ring()
  end
  return { 'job', given.id, all_of(given.id) }
end

function steps.counts()
  forget()
  local counted = { 'counts', waiting(), 0, 0, 0, 0 }
  for _, name in ipairs(NAMES) do
    counted[3] = counted[3] + redis.call('ZCARD', registry('wip', name))
    for i, kind in ipairs(ENDED) do
      counted[3 + i] = counted[3 + i]
        + redis.call('ZCOUNT', registry(kind, name), '(' .. stamp(now), '+inf')
    end
  end
  return counted
end

-- How long the first in line of one queue has waited.
local function waited_at(name)
  local longest = 0
  for _, id in ipairs(redis.call('LRANGE', list_of(name), 0, LOOKED_THROUGH - 1)) do
    local held = redis.call('HMGET', job_at(id), 'status', 'satseek.created')
    if held[1] == 'queued' then
      longest = now - tonumber(held[2])
      break
    end
  end
  local due = redis.call('ZRANGEBYSCORE', registry('scheduled', name), '-inf', stamp(now),
    'WITHSCORES', 'LIMIT', 0, 1)
  if due[2] then
    longest = math.max(longest, now - tonumber(due[2]))
  end
  return longest
end

function steps.waited()
  local longest = 0
  for _, name in ipairs(NAMES) do
    longest = math.max(longest, waited_at(name))
  end
  return { 'waited', stamp(longest) }
end

function steps.attend()
  redis.call('SET', ATTENDED, given.worker, 'EX', math.ceil(given.seconds))
  return { 'attended' }
end

function steps.is_attended()
  return { 'is', redis.call('EXISTS', ATTENDED) }
end

function steps.claim()
  forget()
  if given.take_back then
    take_back()
  end
  local left = GHOSTS_AT_ONCE
  for _, name in ipairs(NAMES) do
    local id
    id, left = first_of(name, left)
    if id then
      begin(id, name)
      return { 'job', id, all_of(id) }
    end
    if left == 0 then
      return { 'again' }
    end
  end
  return { 'none' }
end

function steps.report()
  if not holds(given.id, given.token) then
    return { 'lost' }
  end
  at_any_rate()
  local key = job_at(given.id)
  local name = redis.call('HGET', key, 'origin')
  redis.call('ZADD', registry('wip', name), 'XX', stamp(now + given.lease),
    given.id .. ':' .. given.token)
  redis.call('HSET', key, 'last_heartbeat', given.at, unpack(fields))
  return { redis.call('HGET', key, 'satseek.cancelling') == '1' and 'cancelling' or 'heard' }
end

-- What the steps that end a try have in common; returns the queue's name.
local function end_try()
  local name = redis.call('HGET', job_at(given.id), 'origin')
  redis.call('ZREM', registry('wip', name), given.id .. ':' .. given.token)
  if #fields > 0 then
    redis.call('HSET', job_at(given.id), unpack(fields))
  end
  return name
end

function steps.finish()
  if not holds(given.id, given.token) then
    return { 'lost' }
  end
  end_try()
  finalize(given.id, given.status)
  if given.entry then
    local results = registry('results', given.id)
    redis.call('XADD', results, 'MAXLEN', 10, '*', unpack(given.entry))
    redis.call('EXPIRE', results, redis.call('TTL', job_at(given.id)))
  end
  return { 'job', given.id, all_of(given.id) }
end

function steps.retry()
  if not holds(given.id, given.token) then
    return { 'lost' }
  end
  tried(given.id, end_try(), now + given.delay)
  return { 'job', given.id, all_of(given.id) }
end

function steps.put_back()
  if not holds(given.id, given.token) then
    return { 'lost' }
  end
  local name = end_try()
  redis.call('HINCRBY', job_at(given.id), 'satseek.attempts', -1)
  tried(given.id, name, now)
  return { 'job', given.id, all_of(given.id) }
end

-- A schedule as it is kept.
local function schedule_of(name)
  return { 'schedule', name, redis.call('HGET', SCHEDULES, name), redis.call('HGET', MADE, name),
    redis.call('HGET', FIRED, name) }
end

function steps.put_schedule()
  if redis.call('HGET', SCHEDULES, given.name) ~= given.definition then
    redis.call('HSET', SCHEDULES, given.name, given.definition)
    redis.call('HSET', MADE, given.name, given.created)
    redis.call('HDEL', FIRED, given.name)
    ring()
  end
  return schedule_of(given.name)
end

function steps.schedules()
  local names = redis.call('HKEYS', SCHEDULES)
  local found = { 'schedules' }
  for _, name in ipairs(names) do
    found[#found + 1] = schedule_of(name)
  end
  return found
end

function steps.remove_schedule()
  redis.call('HDEL', FIRED, given.name)
  redis.call('HDEL', MADE, given.name)
  if redis.call('HDEL', SCHEDULES, given.name) == 0 then
    return { 'none' }
  end
  return { 'removed' }
end

function steps.fire()
  local last = redis.call('HGET', FIRED, given.name)
  if redis.call('HGET', SCHEDULES, given.name) ~= given.definition
    or redis.call('HGET', MADE, given.name) ~= given.created
    or (last and tonumber(last) >= given.moment) then
    return { 'none' }
  end
  local answer = steps.submit()
  if answer[1] == 'job' then
    redis.call('HSET', FIRED, given.name, stamp(given.moment))
  end
  return answer
end

return steps[ARGV[1]]()
