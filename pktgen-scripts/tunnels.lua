-- Throughput against the number of tunnels: destinations in turn over 1, 10, 100 ... of those that are configured.
package.path = os.getenv("CULVERT_SCRIPTS") .. "/?.lua;" .. package.path
local common = require "common"
local p = common.params

-- Tunnel i protects 10.A.B.0/24, A and B being the octets of i.
local function host(i)
    return string.format("10.%d.%d.9", 2 + math.floor(i / 256), i % 256)
end

common.setup()
local size = p.sizes[1]
local results = {}
for _, count in ipairs(p.tunnel_counts) do
    pktgen.set_range(p.tx, "off")
    pktgen.range.dst_mac(p.tx, "start", p.tx_dst_mac)
    pktgen.range.src_ip(p.tx, "start", p.src)
    pktgen.range.src_ip(p.tx, "inc", "0.0.0.0")
    pktgen.range.src_ip(p.tx, "min", p.src)
    pktgen.range.src_ip(p.tx, "max", p.src)
    pktgen.range.dst_ip(p.tx, "start", host(0))
    pktgen.range.dst_ip(p.tx, "inc", count > 1 and "0.0.1.0" or "0.0.0.0")
    pktgen.range.dst_ip(p.tx, "min", host(0))
    pktgen.range.dst_ip(p.tx, "max", host(count - 1))
    pktgen.range.ip_proto(p.tx, "udp")
    pktgen.range.pkt_size(p.tx, "start", common.frame_size(size))
    pktgen.range.pkt_size(p.tx, "inc", 0)
    pktgen.range.pkt_size(p.tx, "min", common.frame_size(size))
    pktgen.range.pkt_size(p.tx, "max", common.frame_size(size))
    pktgen.set_range(p.tx, "on")
    local best, trials = common.search(count .. " tunnels")
    results[#results + 1] = { tunnels = count, size = size, best = best or false, trials = trials }
end
common.finish({ scenario = "tunnels", loss = p.loss, results = results })
