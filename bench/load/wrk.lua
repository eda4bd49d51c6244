-- Sends the requests that BENCH_SPEC (a Lua table, written by wrk.ts) describes, checks every answer, and writes what came of it
-- to BENCH_RESULT.
local spec = dofile(os.getenv('BENCH_SPEC'))
local threads = {}
bad = 0
sample = ''

function setup(thread)
  table.insert(threads, thread)
end

local number = spec.firstNumber
local sources = spec.sources
local turn = 0

function init()
  for _, source in ipairs(sources) do
    local file = assert(io.open(source.recordsFile, 'rb'))
    source.data = file:read('*a')
    file:close()
    source.due = 0
  end
end

-- The source that is furthest behind its share.
local function choose()
  if #sources == 1 then return sources[1] end
  local best
  for _, source in ipairs(sources) do
    source.due = source.due + source.share
    if best == nil or source.due > best.due then best = source end
  end
  best.due = best.due - 1
  return best
end

local pieces = {}

function request()
  local source = choose()
  local start = (number % source.records) * source.recordBytes
  for index, part in ipairs(source.parts) do
    if type(part) == 'string' then
      pieces[index] = part
    elseif part.number then
      pieces[index] = string.format('%010d', number)
    else
      pieces[index] = string.sub(source.data, start + part.from + 1, start + part.from + part.length)
    end
  end
  number = number + 1
  return table.concat(pieces, '', 1, #source.parts)
end

function response(status, _, body)
  if status ~= 200 or not string.find(body, spec.expect, 1, true) then
    bad = bad + 1
    if sample == '' then sample = status .. ' ' .. string.sub(body, 1, 300) end
  end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  local text = ''
  for _, thread in ipairs(threads) do
    failed = failed + thread:get('bad')
    if text == '' then text = thread:get('sample') end
  end
  local file = assert(io.open(os.getenv('BENCH_RESULT'), 'w'))
  file:write(string.format('%d %d %f %f %d\n', summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), failed), text)
  file:close()
end
