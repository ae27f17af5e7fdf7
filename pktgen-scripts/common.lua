-- What the scenarios share: parameters, trials, the search for the highest rate without loss, JSON.
--
-- Pktgen runs a scenario as `-f SCENARIO.lua`. Parameters come from the file that CULVERT_PARAMS names: a Lua chunk that
-- returns a table (`run` writes it; params.example.lua shows all fields). The answer goes to params.result, as JSON.
-- Port numbers are strings, as Pktgen's functions want them.

local common = {}

local params_file = os.getenv("CULVERT_PARAMS")
if not params_file then
    error("CULVERT_PARAMS names no file of parameters; start scenarios with pktgen-scripts/run")
end
common.params = dofile(params_file)
local p = common.params

-- ---- JSON ----------------------------------------------------------------------------------------------------

local function is_list(t)
    local n = 0
    for _ in pairs(t) do
        n = n + 1
    end
    return n == #t
end

local function text(v)
    return '"' .. string.gsub(v, '[%c"\\]', function(c)
        return string.format("\\u%04x", string.byte(c))
    end) .. '"'
end

function common.json(v)
    local kind = type(v)
    if kind == "number" then
        return v == math.floor(v) and string.format("%d", v) or string.format("%.6g", v)
    elseif kind == "boolean" then
        return tostring(v)
    elseif kind == "string" then
        return text(v)
    elseif kind ~= "table" then
        return "null"
    end
    local parts = {}
    if is_list(v) then
        for _, item in ipairs(v) do
            parts[#parts + 1] = common.json(item)
        end
        return "[" .. table.concat(parts, ",") .. "]"
    end
    local keys = {}
    for key in pairs(v) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    for _, key in ipairs(keys) do
        parts[#parts + 1] = text(key) .. ":" .. common.json(v[key])
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

function common.say(...)
    local f = io.open(p.progress, "a")
    if f then
        f:write(string.format(...), "\n")
        f:close()
    end
end

-- ---- ports ---------------------------------------------------------------------------------------------------

-- What is sent on p.tx: UDP from the clear side's host through the tunnels.
function common.setup()
    pktgen.screen("off")
    pktgen.set_mac(p.tx, "dst", p.tx_dst_mac)
    pktgen.set_mac(p.rx, "dst", p.rx_dst_mac)
    pktgen.set_ipaddr(p.tx, "src", p.src .. "/24")
    pktgen.set_ipaddr(p.tx, "dst", p.dst)
    pktgen.set_proto(p.tx, "udp")
    pktgen.set(p.tx, "count", 0)
    pktgen.process(p.tx, "off")
    pktgen.process(p.rx, "off")
    pktgen.delay(500)
end

-- Octets on the wire, checksum included, of a frame that carries an inner IP packet of `size` octets.
function common.frame_size(size)
    return math.max(size + 14 + 4, 64)
end

-- Tunnel i protects 10.A.B.0/24, A and B being the octets of i (device.py's behind()).
local function behind(i)
    return string.format("10.%d.%d.9", 2 + math.floor(i / 256), i % 256)
end

-- From now on packets around `size` octets, their destinations in turn behind `count` tunnels.
function common.send(size, count)
    local frame = common.frame_size(size)
    if (count or 1) == 1 then
        pktgen.set_range(p.tx, "off")
        pktgen.set(p.tx, "size", frame)
        return
    end
    pktgen.set_range(p.tx, "off")
    pktgen.range.dst_mac(p.tx, "start", p.tx_dst_mac)
    pktgen.range.src_ip(p.tx, "start", p.src)
    pktgen.range.src_ip(p.tx, "inc", "0.0.0.0")
    pktgen.range.src_ip(p.tx, "min", p.src)
    pktgen.range.src_ip(p.tx, "max", p.src)
    pktgen.range.dst_ip(p.tx, "start", behind(0))
    pktgen.range.dst_ip(p.tx, "inc", "0.0.1.0")
    pktgen.range.dst_ip(p.tx, "min", behind(0))
    pktgen.range.dst_ip(p.tx, "max", behind(count - 1))
    pktgen.range.ip_proto(p.tx, "udp")
    pktgen.range.pkt_size(p.tx, "start", frame)
    pktgen.range.pkt_size(p.tx, "inc", 0)
    pktgen.range.pkt_size(p.tx, "min", frame)
    pktgen.range.pkt_size(p.tx, "max", frame)
    pktgen.set_range(p.tx, "on")
end

local forgotten = { tx = 0, rx = 0 }

-- Of the whole run, whatever was cleared between.
local function totals()
    local s = pktgen.portStats("all", "port")
    return forgotten.tx + s[tonumber(p.tx)].opackets, forgotten.rx + s[tonumber(p.rx)].ipackets
end

-- Until nothing has come or gone for a while: a slow device still empties its queues. At most ten seconds.
local function settle()
    local tx, rx = totals()
    local still = 0
    for _ = 1, 50 do
        pktgen.delay(200)
        local t, r = totals()
        still = t == tx and r == rx and still + 1 or 0
        tx, rx = t, r
        if still == 3 then
            break
        end
    end
    return tx, rx
end

-- Pktgen forgets its extremes and averages, the totals are kept.
function common.clear()
    forgotten.tx, forgotten.rx = settle()
    pktgen.clr()
    pktgen.delay(500)
end

-- With the ports' totals of the whole run. Written beside and renamed: a reader sees all of it or nothing. Then Pktgen ends.
function common.finish(result)
    local sent, received = settle()
    result.generator_counters = { sent = sent, received = received }
    local part = p.result .. ".part"
    local f = assert(io.open(part, "w"))
    f:write(common.json(result), "\n")
    f:close()
    assert(os.rename(part, p.result))
    pktgen.quit()
end

-- Sends for some seconds at `rate` percent of the line; waits until what is under way has arrived.
function common.trial(rate, seconds)
    pktgen.set(p.tx, "rate", tostring(rate))
    local tx0, rx0 = totals()
    local start = os.time()
    pktgen.start(p.tx)
    pktgen.delay(math.floor(seconds * 1000))
    pktgen.stop(p.tx)
    local tx, rx = settle()
    tx, rx = tx - tx0, rx - rx0
    local lost = math.max(tx - rx, 0)
    return {
        rate_percent = rate,
        seconds = seconds,
        took_s = os.time() - start,
        sent = tx,
        received = rx,
        lost = lost,
        loss = tx > 0 and lost / tx or 1,
        pps = rx / seconds,
    }
end

-- RFC 2544 26.1: the highest rate at which no more than p.loss of the packets is lost: halving until the step is under
-- p.resolution percent of the line, then a trial of p.confirm seconds at what was found, lower while that one fails.
function common.search(what)
    local low, high, best = 0, p.max_rate, nil
    local trials = {}
    local function try(rate, seconds)
        local t = common.trial(rate, seconds)
        trials[#trials + 1] = t
        common.say("%s: %.3f %% of the line: %d sent, %d lost, %.0f packets/s", what, rate, t.sent, t.lost, t.pps)
        return t.sent > 0 and t.loss <= p.loss and t or nil
    end
    best = try(high, p.seconds)
    if not best then
        while high - low > p.resolution do
            local rate = (low + high) / 2
            local good = try(rate, p.seconds)
            if good then
                low, best = rate, good
            else
                high = rate
            end
        end
    end
    local rate = best and best.rate_percent or 0
    while rate > 0 do
        local confirmed = try(rate, p.confirm)
        if confirmed then
            return confirmed, trials
        end
        rate = rate > p.resolution and rate - p.resolution or 0
    end
    return nil, trials
end

return common
