-- Load from the ESP side: the packets of p.pcap in turn, encrypted beforehand for the inbound SA of the device (anti-replay off there:
-- they come again and again). What is sent, what comes out decrypted.
package.path = os.getenv("CULVERT_SCRIPTS") .. "/?.lua;" .. package.path
local common = require "common"
local p = common.params

common.setup()
pktgen.pcap(p.tx, "on")
local t = common.trial(p.rate, p.seconds)
common.say("ESP of %d octets inside: %d sent, %d received", p.sizes[1], t.sent, t.received)
common.finish({ scenario = "esp", results = { { size = p.sizes[1], best = t, trials = { t } } } })
