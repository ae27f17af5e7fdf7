#!/usr/bin/python3
"""Both pairs of throughput_pair.py carry TCP through their tunnels. The ratio is printed; a slow machine does not fail it."""
import throughput_pair
from case import case, check, main


@case("two culverts over af_xdp and memif, and two strongSwans, carry TCP")
def both():
    options = throughput_pair.parser().parse_args(["--seconds", "2", "--rounds", "1", "--transforms", "gcm", "--loads", "tcp1"])
    result = throughput_pair.run(options)["transforms"]["gcm"]
    for kind in ("culvert", "strongswan"):
        run = result["rounds"][0][kind]["tcp1"]
        check(run["mbits"] > 0.1, "%s carried next to nothing: %s" % (kind, run))
    check("tcp1" in result["median"], str(result["median"]))
    r = result["median"]["tcp1"]
    return "culvert %.0f Mbit/s, strongSwan %.0f Mbit/s, ratio %s" % (r["culvert"], r["strongswan"], r["ratio"])


if __name__ == "__main__":
    main()
