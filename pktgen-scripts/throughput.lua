-- RFC 2544 26.1: throughput by frame size, from the clear side through one tunnel.
package.path = os.getenv("CULVERT_SCRIPTS") .. "/?.lua;" .. package.path
local common = require "common"
local p = common.params

common.setup()
local results = {}
for _, size in ipairs(p.sizes) do
    pktgen.set(p.tx, "size", common.frame_size(size))
    local best, trials = common.search("inner packets of " .. size .. " octets")
    results[#results + 1] = { size = size, best = best or false, trials = trials }
end
common.finish({ scenario = "throughput", loss = p.loss, results = results })
