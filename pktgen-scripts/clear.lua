-- Load from the clear side at a fixed share of the line, for each size: what is sent, what comes out encrypted.
package.path = os.getenv("CULVERT_SCRIPTS") .. "/?.lua;" .. package.path
local common = require "common"
local p = common.params

common.setup()
local results = {}
for _, size in ipairs(p.sizes) do
    common.send(size, p.tunnels)
    local t = common.trial(p.rate, p.seconds)
    common.say("%d octets: %d sent, %d received", size, t.sent, t.received)
    results[#results + 1] = { size = size, best = t, trials = { t } }
end
common.finish({ scenario = "clear", results = results })
