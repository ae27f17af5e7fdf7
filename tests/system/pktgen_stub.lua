-- In place of Pktgen: a line of 100 Mpps and a device that forwards `capacity` packets a second, so that a scenario's own
-- logic can be tried without either. Calls with names or counts of arguments that Pktgen does not have are errors. usage:
-- lua5.4 pktgen_stub.lua SCENARIO CAPACITY; parameters as Pktgen would get them (CULVERT_PARAMS, CULVERT_SCRIPTS).
local scenario, capacity = arg[1], tonumber(arg[2])

-- Pktgen-DPDK's functions that scenarios may call, and how many arguments they take (its lpktgenlib.c).
local takes = {
    quit = 0, screen = 1, set_mac = 3, set_ipaddr = 3, set_proto = 2, set = 3, process = 2, delay = 1, start = 1, stop = 1,
    portStats = 2, pktStats = 1, pcap = 2, latency = 2, set_range = 2, clr = 0, page = 1,
}
local range_takes = { dst_mac = 3, src_ip = 3, dst_ip = 3, ip_proto = 2, pkt_size = 3 }
local LINE_PPS = 100e6
local state = { rate = 0, sending = false, sent = 0, received = 0 }
local calls = {}

local act = {
    set = function(_, what, value)
        if what == "rate" then
            state.rate = assert(tonumber(value), "a rate that is no number")
            assert(state.rate >= 0 and state.rate <= 100, "a rate beyond the line")
        end
    end,
    start = function() state.sending = true end,
    stop = function() state.sending = false end,
    delay = function(ms)
        assert(ms == math.floor(ms), "delay takes whole milliseconds")
        if state.sending then
            local sent = LINE_PPS * state.rate / 100 * ms / 1000
            state.sent = state.sent + math.floor(sent)
            state.received = state.received + math.floor(math.min(sent, capacity * ms / 1000))
        end
    end,
    clr = function() state.sent, state.received = 0, 0 end,
    page = function(name) state.page = name end,
    portStats = function()
        return { [0] = { opackets = state.sent, ipackets = state.received }, [1] = { opackets = state.sent, ipackets = state.received } }
    end,
    pktStats = function()
        assert(state.page == "latency", "an average that nobody worked out")
        local latency = { min_us = 1, avg_us = 2.5, max_us = 9, num_pkts = 4 }
        return { [0] = { latency = latency }, [1] = { latency = latency } }
    end,
    quit = function() os.exit(0) end,
}

local function checked(prefix, counts)
    return setmetatable({}, {
        __index = function(_, name)
            local count = assert(counts[name], "Pktgen has no function " .. prefix .. name)
            return function(...)
                assert(select("#", ...) == count, prefix .. name .. " takes " .. count .. " arguments")
                calls[prefix .. name] = true
                if act[name] then
                    return act[name](...)
                end
            end
        end,
    })
end

local range = checked("pktgen.range.", range_takes)
pktgen = setmetatable({}, {
    __index = function(_, name)
        return name == "range" and range or checked("pktgen.", takes)[name]
    end,
})
dofile(os.getenv("CULVERT_SCRIPTS") .. "/" .. scenario .. ".lua")
error("the scenario came to its end without pktgen.quit")
