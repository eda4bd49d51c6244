// The steps of the ledger of codes in Redis, each in one go. Times are Redis's own.

/** `answer` holds `r` and the sealed record, or `f` and the sealed failure; sealed, so that nobody else can write one. */
export const claimScript = `
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = us / 1000
local ms = string.format('%.0f', now)
local remembered, shared, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local answers = {}
for i, key in ipairs(KEYS) do
  local request, owner, patience, made = ARGV[4 * i], ARGV[4 * i + 1], tonumber(ARGV[4 * i + 2]), ARGV[4 * i + 3]
  local code = redis.call('HMGET', key, 'request', 'at', 'fence', 'asks', 'answer')
  if not code[1] then
    -- Two first claims in one run: the log-ins still have an order.
    local fence = string.format('%.0f', math.min(us + i - 1, tonumber(made) or math.huge))
    redis.call('HSET', key, 'request', request, 'owner', owner, 'at', ms, 'fence', fence, 'asks', 1)
    redis.call('PEXPIRE', key, remembered)
    answers[i] = {'ask', fence}
  elseif code[1] ~= request then answers[i] = {'used'}
  elseif code[5] then
    -- A time ahead is of a clock that was set back since, or of another Redis.
    if math.abs(now - tonumber(code[2])) > shared then answers[i] = {'used'}
    else
      redis.call('HSET', key, 'owner', owner)
      answers[i] = {'answered', code[5]}
    end
  elseif now - tonumber(code[2]) < patience then answers[i] = {'wait'}
  elseif tonumber(code[4]) >= most then answers[i] = {'interrupted'}
  else
    redis.call('HSET', key, 'owner', owner, 'at', ms, 'asks', code[4] + 1)
    -- Whatever somebody wrote there: no log-in is later than now.
    answers[i] = {'ask', string.format('%.0f', math.min(tonumber(code[3]) or us, us))}
  end
end
return answers`;

export const askAgainScript = `
local code = redis.call('HMGET', KEYS[1], 'owner', 'asks')
if code[1] ~= ARGV[1] or tonumber(code[2]) >= tonumber(ARGV[2]) then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', time[1] * 1000 + time[2] / 1000), 'asks', code[2] + 1)
return 1`;

export const answerScript = `
local time = redis.call('TIME')
local ms = string.format('%.0f', time[1] * 1000 + time[2] / 1000)
local answers = {}
for i, key in ipairs(KEYS) do
  local request, owner, fence, answer = ARGV[4 * i - 2], ARGV[4 * i - 1], ARGV[4 * i], ARGV[4 * i + 1]
  local holder = redis.call('HGET', key, 'owner')
  if holder == owner then redis.call('HSET', key, 'at', ms, 'answer', answer)
  elseif not holder then
    -- Redis has lost the claim meanwhile, and nobody has claimed the code since.
    redis.call('HSET', key, 'request', request, 'owner', owner, 'at', ms, 'fence', fence, 'asks', 1, 'answer', answer)
    redis.call('PEXPIRE', key, ARGV[1])
  end
  answers[i] = (not holder or holder == owner) and 1 or 0
end
return answers`;

export const releaseScript = `
local code = redis.call('HMGET', KEYS[1], 'owner', 'asks')
if code[1] ~= ARGV[1] then return 0 end
if tonumber(code[2]) <= 1 then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'owner', '', 'at', 0, 'asks', code[2] - 1)
return 1`;
