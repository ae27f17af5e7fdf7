-- RFC 2544 26.1 for a mix of sizes: the packets of p.pcap in turn (7 of 64, 4 of 570, 1 of 1420 octets), from the clear side.
package.path = os.getenv("CULVERT_SCRIPTS") .. "/?.lua;" .. package.path
local common = require "common"
local p = common.params

common.setup()
pktgen.pcap(p.tx, "on")
local best, trials = common.search("IMIX")
common.finish({ scenario = "imix", loss = p.loss, results = { { size = "imix", best = best or false, trials = trials } } })
