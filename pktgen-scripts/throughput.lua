-- RFC 2544 26.1: throughput by frame size, from the clear side through p.tunnels tunnels in turn.
package.path = os.getenv("CULVERT_SCRIPTS") .. "/?.lua;" .. package.path
local common = require "common"
local p = common.params

common.setup()
local results = {}
for _, size in ipairs(p.sizes) do
    common.send(size, p.tunnels)
    local best, trials = common.search("inner packets of " .. size .. " octets")
    results[#results + 1] = { size = size, best = best or false, trials = trials }
end
common.finish({ scenario = "throughput", loss = p.loss, results = results })
