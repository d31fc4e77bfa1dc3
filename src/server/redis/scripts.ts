/**
 * The two scripts that Redis runs: everything that must happen in one step, happens here.
 *
 * A script runs alone, but what it did before it failed stays done. So the order matters: the message
 * goes into the log before its number goes into the counter, because the first may fail and the second
 * may not have happened then; and it is announced when both are there.
 *
 * Numbers leave Lua through `%.0f`: its own way of writing would give 1e+14.
 */
import { createHash } from 'node:crypto';
import { ENVELOPE_BYTES } from '../log.js';

export interface Script {
  readonly text: string;
  readonly sha1: string;
}

/**
 * How both begin: find the epoch, or start one, and drop what is too old.
 *
 * A server that was started again, or made the master of others, may have lost the last messages of the
 * one before and would use their numbers again. It has another replication id, which is kept with the
 * epoch and looked up by the script itself: one that the client had looked up could be of the server
 * before. An epoch that begins drops what is left of an older one.
 *
 * The age of the epoch is written seldom: twice what is promised, when less than that is left.
 *
 * The id of an entry is its number and its time, `42-1700000000000`. The oldest entries are dropped by a
 * binary search for the first one that is young enough, so that no call walks through the log.
 */
const OPEN = `
local log, meta = KEYS[1], KEYS[2]
local candidate, durable = ARGV[1], ARGV[2] == '1'
local ttl, metaTtl = tonumber(ARGV[3]), tonumber(ARGV[4])

local function text(number) return string.format('%.0f', number) end
local function numberAndTime(entry)
  local number, time = string.match(entry[1], '^(%d+)-(%d+)$')
  return tonumber(number), tonumber(time)
end
local function entryFrom(id) return redis.call('XRANGE', log, id, '+', 'COUNT', 1)[1] end

local server = ''
if not durable then
  server = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
  if not server then return redis.error_reply('ERR this server has no replication id') end
end
local kept = redis.call('HMGET', meta, 'epoch', 'head', 'server')
local epoch, head = kept[1], tonumber(kept[2] or '0')
if not epoch or not (durable or kept[3] == server) then
  redis.call('DEL', log)
  redis.call('HSET', meta, 'epoch', candidate, 'head', '0', 'server', server)
  epoch, head = candidate, 0
end
if redis.call('PTTL', meta) < metaTtl then redis.call('PEXPIRE', meta, text(2 * metaTtl)) end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local oldest = head + 1
local first = entryFrom('-')
if first then
  local number, time = numberAndTime(first)
  oldest = number
  if time < now - ttl then
    local aged, young = number, head + 1
    while young - aged > 1 do
      local middle = aged + math.floor((young - aged) / 2)
      local entry = entryFrom(text(middle))
      local _, age = 0, 0
      if entry then _, age = numberAndTime(entry) end
      if entry and age < now - ttl then aged = middle else young = middle end
    end
    redis.call('XTRIM', log, 'MINID', text(young))
    oldest = young
  end
end
`;

/**
 * Numbers a message, appends and announces it. KEYS[3] is where the number of its publish key is kept,
 * if it has one; that says which epoch it belongs to, because another one makes it a new publish.
 */
export const APPEND: Script = script(`${OPEN}
local maxLength, keyTtl, json, from = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local announce, name = ARGV[9], ARGV[10]

if KEYS[3] then
  local known = redis.call('GET', KEYS[3])
  if known then
    local of, number, time, sender = string.match(known, '^(%S+) (%d+) (%d+) (.*)$')
    if of == epoch then return { epoch, number, time, sender, 1 } end
  end
end
-- To be refused at the end is to have done it all the same. Before Redis 7 nobody can be asked.
if redis.acl_check_cmd and not redis.acl_check_cmd(announce, name, '') then
  return redis.error_reply('NOPERM this user may not ' .. announce .. ' to ' .. name)
end
-- One less than JavaScript can count to: the oldest of an empty log is one more than its head.
if head >= 9007199254740990 then return redis.error_reply('ERR the numbers are used up') end

local number, time = text(head + 1), text(now)
local id = number .. '-' .. time
if from == '' then redis.call('XADD', log, 'MAXLEN', maxLength, id, 'd', json)
else redis.call('XADD', log, 'MAXLEN', maxLength, id, 'd', json, 'f', from) end
redis.call('HSET', meta, 'head', number)
redis.call('PEXPIRE', log, text(ttl))
if KEYS[3] then
  redis.call('SET', KEYS[3], epoch .. ' ' .. number .. ' ' .. time .. ' ' .. from, 'PX', keyTtl)
end
redis.call(announce, name, epoch .. ' ' .. number .. ' ' .. time .. '\\n' .. from .. '\\n' .. json)
return { epoch, number, time, from, 0 }
`);

/**
 * Facts and a page of one instant; with a limit of 0 the facts alone. Entries are fetched a few at a time,
 * so that one request for many long messages does not put all of them into memory.
 */
export const READ: Script = script(`${OPEN}
local since, limit, bytes = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local page, cut = {}, 0
local takesNone = bytes == 0

if ARGV[5] == epoch and since < head then
  local after = since + 1
  while cut == 0 and #page < limit do
    local entries = redis.call('XRANGE', log, text(after), '+', 'COUNT', math.min(limit - #page, 64))
    if #entries == 0 then break end
    for _, entry in ipairs(entries) do
      local json, from = entry[2][2], entry[2][4] or '""'
      local size = #json + #from - 2 + ${ENVELOPE_BYTES}
      if size > bytes and (takesNone or #page > 0) then cut = 1 break end
      bytes = bytes - size
      page[#page + 1] = { entry[1], json, entry[2][4] or '' }
      after = numberAndTime(entry) + 1
    end
  end
end
return { epoch, text(head), text(oldest), cut, page }
`);

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
