-- Throughput against the number of tunnels: destinations in turn over 1, 10, 100 ... of those that are configured.
package.path = os.getenv("CULVERT_SCRIPTS") .. "/?.lua;" .. package.path
local common = require "common"
local p = common.params

common.setup()
local size = p.sizes[1]
local results = {}
for _, count in ipairs(p.tunnel_counts) do
    common.send(size, count)
    local best, trials = common.search(count .. " tunnels")
    results[#results + 1] = { tunnels = count, size = size, best = best or false, trials = trials }
end
common.finish({ scenario = "tunnels", loss = p.loss, results = results })
