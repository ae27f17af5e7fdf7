-- RFC 2544 26.2: latency at some shares of a rate that goes through without loss. What is sent must come back as it was sent: through
-- two gateways, one that encrypts and one that decrypts (run --pair), as Pktgen's time stamp is in the packet.
package.path = os.getenv("CULVERT_SCRIPTS") .. "/?.lua;" .. package.path
local common = require "common"
local p = common.params

-- Pktgen works the average out while it draws the page of it, and only then.
local function read()
    pktgen.page("latency")
    pktgen.screen("on")
    pktgen.delay(2500)
    pktgen.screen("off")
    return pktgen.pktStats(p.rx)[tonumber(p.rx)].latency
end

common.setup()
local results = {}
for _, size in ipairs(p.sizes) do
    pktgen.latency("all", "off")
    pktgen.set(p.tx, "size", math.max(common.frame_size(size), 96)) -- room for the stamp
    local best, trials = common.search("inner packets of " .. size .. " octets")
    pktgen.latency("all", "on")
    for _, share in ipairs(p.shares) do
        local entry = { size = size, share = share, best = best or false, trials = trials }
        trials = {} -- told once
        if best then
            common.clear()
            entry.trial = common.trial(best.rate_percent * share, p.seconds)
            local lat = read()
            entry.stamped, entry.min_us, entry.avg_us, entry.max_us = lat.num_pkts, lat.min_us, lat.avg_us, lat.max_us
            common.say("%d octets at %d %%: %.1f us (%.1f-%.1f)", size, share * 100, lat.avg_us, lat.min_us, lat.max_us)
        end
        results[#results + 1] = entry
    end
end
common.finish({ scenario = "latency", results = results })
