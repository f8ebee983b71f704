#include "chat/demo/scripts.h"

/*
 * P is the prefix, S our id, H the key of what we hold, C our own channel, A the arguments. What may have been written
 * by anybody is read through `text`, which passes over what has another type. Keys are looked at before they are
 * written, so that one of another type changes nothing.
 */
#define HEAD                                                                                       \
    "local P, S, H, C = ARGV[1], ARGV[2], ARGV[3], ARGV[4]\n"                                      \
    "local A = {}\n"                                                                               \
    "for i = 5, #ARGV do A[i - 4] = ARGV[i] end\n"                                                 \
    "local function text(...)\n"                                                                   \
    "  local found = redis.pcall(...)\n"                                                           \
    "  return type(found) == 'string' and found or nil\n"                                          \
    "end\n"                                                                                        \
    "local function name(id) return text('HGET', P .. 'user:' .. id, 'username') end\n"

#define LIVES                                                                                      \
    "local function life(json)\n"                                                                  \
    "  return string.find(json, '\"user\":', 1, true) and 86400 or 3600\n"                         \
    "end\n"

#define ENTERS                                                                                     \
    "local function enters(room, user, private)\n"                                                 \
    "  if private == '1' then\n"                                                                   \
    "    return redis.call('SISMEMBER', P .. 'user:' .. user .. ':rooms', room) == 1\n"            \
    "  end\n"                                                                                      \
    "  return text('GET', P .. 'room:' .. room .. ':name') ~= nil\n"                               \
    "end\n"

#define HELD                                                                                       \
    "local function is_held(user)\n"                                                               \
    "  if redis.call('SISMEMBER', H, user) == 1 then return true end\n"                            \
    "  for _, id in ipairs(redis.call('SMEMBERS', P .. 'chat:demo:servers')) do\n"                 \
    "    if redis.call('SISMEMBER', P .. 'chat:demo:server:' .. id .. ':held', user) == 1 then\n"  \
    "      return true\n"                                                                          \
    "    end\n"                                                                                    \
    "  end\n"                                                                                      \
    "  return false\n"                                                                             \
    "end\n"

#define TELLS                                                                                      \
    "local function tell(what, json)\n"                                                            \
    "  redis.call('PUBLISH', P .. 'MESSAGES',\n"                                                   \
    "    '{\"serverId\":\"' .. S .. '\",\"type\":\"' .. what .. '\",\"data\":' .. json .. '}')\n"  \
    "end\n"

#define LISTS                                                                                      \
    "local out = {0}\n"                                                                            \
    "local function list(id, online)\n"                                                            \
    "  local found = name(id)\n"                                                                   \
    "  if found then\n"                                                                            \
    "    out[#out + 1] = id\n"                                                                     \
    "    out[#out + 1] = found\n"                                                                  \
    "    out[#out + 1] = online\n"                                                                 \
    "  end\n"                                                                                      \
    "end\n"

const char *const chat_demo_scripts[CHAT_N_VERBS] = {
    [CHAT_LOAD_SESSION] = HEAD LIVES "local json = text('GET', P .. 'sess:' .. A[1])\n"
                                     "if not json then return {1} end\n"
                                     "redis.call('EXPIRE', P .. 'sess:' .. A[1], life(json))\n"
                                     "return {0, json}",
    [CHAT_SAVE_SESSION] =
        HEAD LIVES "redis.call('SET', P .. 'sess:' .. A[1], A[2], 'EX', life(A[2]))\n"
                   "if A[3] ~= '' then\n"
                   "  redis.call('DEL', P .. 'sess:' .. A[3])\n"
                   "  redis.call('PUBLISH', C, S .. ' ' .. A[3])\n"
                   "end\n"
                   "return {0}",
    [CHAT_DROP_SESSION] = HEAD "redis.call('DEL', P .. 'sess:' .. A[1])\n"
                               "redis.call('PUBLISH', C, S .. ' ' .. A[1])\n"
                               "return {0}",
    [CHAT_FIND_LOGIN] = HEAD
    "local key = text('GET', P .. 'username:' .. A[1])\n"
    "local id = key and string.match(key, '^user:(%d+)$')\n"
    "if not id then return redis.call('EXISTS', P .. 'username:' .. A[1]) == 1 and {3} or {1} end\n"
    "return {0, id, text('HGET', P .. key, 'password') or ''}",
    [CHAT_ADD_USER] =
        HEAD "local key = redis.call('GET', P .. 'username:' .. A[1])\n"
             "if key then\n"
             "  local id = string.match(key, '^user:(%d+)$')\n"
             "  if not id then return {3} end\n"
             "  return {2, id, text('HGET', P .. key, 'password') or ''}\n"
             "end\n"
             "local id = string.format('%.0f', redis.call('INCR', P .. 'total_users'))\n"
             "redis.call('HSET', P .. 'user:' .. id, 'username', A[1], 'password', A[2])\n"
             "redis.call('SADD', P .. 'user:' .. id .. ':rooms', '0')\n"
             "redis.call('SET', P .. 'username:' .. A[1], 'user:' .. id)\n"
             "return {0, id}",
    [CHAT_LIST_USERS] = HEAD LISTS
    "for _, id in ipairs(A) do\n"
    "  list(id, redis.pcall('SISMEMBER', P .. 'online_users', id) == 1 and '1' or '0')\n"
    "end\n"
    "return out",
    [CHAT_LIST_ONLINE] =
        HEAD LISTS "local own = true\n"
                   "for _, id in ipairs(redis.call('SMEMBERS', P .. 'online_users')) do\n"
                   "  list(id, '1')\n"
                   "  if id == A[1] then own = false end\n"
                   "end\n"
                   "if own then list(A[1], '1') end\n"
                   "return out",
    [CHAT_MAKE_ROOM] = HEAD "local low, high = name(A[1]), name(A[2])\n"
                            "if not low or not high then return {1} end\n"
                            "local room = A[1] .. ':' .. A[2]\n"
                            "redis.call('SCARD', P .. 'user:' .. A[2] .. ':rooms')\n"
                            "redis.call('SADD', P .. 'user:' .. A[1] .. ':rooms', room)\n"
                            "redis.call('SADD', P .. 'user:' .. A[2] .. ':rooms', room)\n"
                            "return {0, low, high}",
    [CHAT_LIST_ROOMS] = HEAD
    "local out = {0}\n"
    "for i, id in ipairs(redis.call('SMEMBERS', P .. 'user:' .. A[1] .. ':rooms')) do\n"
    "  if i > 1000 then break end\n"
    "  local called = text('GET', P .. 'room:' .. id .. ':name')\n"
    "  local a, b = string.match(id, '^(%d+):(%d+)$')\n"
    "  local low, high = a and name(a), b and name(b)\n"
    "  if called or (low and high and redis.call('EXISTS', P .. 'room:' .. id) == 1) then\n"
    "    for _, one in ipairs({id, called or '', low or '', high or ''}) do\n"
    "      out[#out + 1] = one\n"
    "    end\n"
    "  end\n"
    "end\n"
    "return out",
    [CHAT_LIST_ROOM_IDS] =
        HEAD "local out = {0}\n"
             "for i, id in ipairs(redis.call('SMEMBERS', P .. 'user:' .. A[1] .. ':rooms')) do\n"
             "  if i <= 1000 then out[#out + 1] = id end\n"
             "end\n"
             "return out",
    [CHAT_ENTER_ROOM] = HEAD ENTERS "return {enters(A[1], A[2], A[3]) and 0 or 3}",
    [CHAT_LIST_MESSAGES] = HEAD
    "if A[2] ~= '1' and not text('GET', P .. 'room:' .. A[1] .. ':name') then return {3} end\n"
    "local out = redis.call('ZREVRANGE', P .. 'room:' .. A[1], A[3], A[4])\n"
    "table.insert(out, 1, 0)\n"
    "return out",
    [CHAT_ADD_MESSAGE] = HEAD ENTERS TELLS
    "if not enters(A[1], A[2], A[3]) then return {3} end\n"
    "local key = P .. 'room:' .. A[1]\n"
    "local shows = redis.call('ZCARD', key) == 0 and A[3] == '1'\n"
    "redis.call('SADD', P .. 'online_users', A[2])\n"
    "local low, high = '', ''\n"
    "if shows then\n"
    "  low, high = name(A[6]) or '', name(A[7]) or ''\n"
    "  tell('show.room', cjson.encode({id = A[1], names = {{low}, {high}}}))\n"
    "end\n"
    "redis.call('ZADD', key, A[4], A[5])\n"
    "tell('message', A[5])\n"
    "return {0, shows and '1' or '0', low, high}",
    [CHAT_HOLD_USER] =
        HEAD HELD TELLS "local first = not is_held(A[1])\n"
                        "redis.call('SADD', P .. 'online_users', A[1])\n"
                        "redis.call('SADD', H, A[1])\n"
                        "if first or A[3] == '1' then tell('user.connected', A[2]) end\n"
                        "return {0, first and '1' or '0'}",
    [CHAT_RELEASE_USER] = HEAD HELD TELLS
    "local had = redis.call('SREM', H, A[1])\n"
    "if A[3] ~= '' and redis.call('SISMEMBER', A[3], A[1]) == 1 then return {0, '0'} end\n"
    "if is_held(A[1]) then return {0, '0'} end\n"
    "local was = redis.call('SREM', P .. 'online_users', A[1])\n"
    "if had + was == 0 then return {0, '0'} end\n" /* two dead servers had him: told already */
    "tell('user.disconnected', A[2])\n"
    "return {0, '1'}",
    [CHAT_LIST_HELD] = HEAD "local out = redis.call('SMEMBERS', H)\n"
                            "table.insert(out, 1, 0)\n"
                            "return out",
    [CHAT_LOOK_EMPTY] = HEAD "return {redis.call('EXISTS', P .. 'total_users') == 1 and 2 or 0}",
    [CHAT_ADD_DEMO] = HEAD
    "if redis.call('EXISTS', P .. 'total_users') == 1 then return {2} end\n"
    "redis.call('SET', P .. 'total_users', 4)\n"
    "redis.call('SET', P .. 'room:0:name', 'General')\n"
    "for id = 1, 4 do\n"
    "  redis.call('SET', P .. 'username:' .. A[id + 1], 'user:' .. id)\n"
    "  redis.call('HSET', P .. 'user:' .. id, 'username', A[id + 1], 'password', A[1])\n"
    "  redis.call('SADD', P .. 'user:' .. id .. ':rooms', '0')\n"
    "  for other = 1, 4 do\n"
    "    if other ~= id then\n"
    "      local room = math.min(id, other) .. ':' .. math.max(id, other)\n"
    "      redis.call('SADD', P .. 'user:' .. id .. ':rooms', room)\n"
    "    end\n"
    "  end\n"
    "end\n"
    "for i = 6, #A, 3 do redis.call('ZADD', P .. 'room:' .. A[i], A[i + 1], A[i + 2]) end\n"
    "return {0}",
};
