-- The parameters of a scenario, as pktgen-scripts/run writes them.
return {
    tx = "0", -- Pktgen's port that sends, and the one that receives
    rx = "1",
    tx_dst_mac = "02:00:00:00:00:01", -- of the device's port on either side
    rx_dst_mac = "02:00:00:00:00:02",
    src = "10.1.0.2", -- clear side's host, and one behind the first tunnel
    dst = "10.2.0.9",
    sizes = { 64, 128, 256, 512, 1024, 1280, 1420 }, -- octets of the inner IP packet
    tunnels = 1, -- throughput, clear: that many in turn
    seconds = 10, -- of a trial
    confirm = 60, -- of the last one (RFC 2544 24)
    loss = 0, -- share of packets that may be lost
    max_rate = 100, -- percent of the line at which the search begins
    resolution = 0.5, -- percent of the line
    rate = 10, -- clear, esp: percent of the line
    shares = { 0.1, 0.5, 0.9 }, -- latency: of the throughput
    tunnel_counts = { 1, 10, 100, 1000 }, -- tunnels
    result = "/tmp/result.json",
    progress = "/tmp/progress",
}
