/* dp_doctor: `culvert-dp --doctor`: what `culvert doctor` cannot know without DPDK, as JSON on standard output.
 *
 * Starts the EAL with a little memory, without the configuration's ports and without hugepages, so that it disturbs no data plane that
 * runs; what is asked about ports and arguments stands in dp_doctor_devices.h. */
#ifndef DATAPLANE_DP_DOCTOR_H
#define DATAPLANE_DP_DOCTOR_H

/* argv[0] is "--doctor"; --engine WORD is that of the platform section (default auto); --config FILE has the platform section whose ports
 * and eal-args are judged. Prints {"dpdk","ipsec_mb","engines":[{"name","device","tried","usable","passed","why"}],"configured":{...,"transforms"},
 * "arguments":"why the EAL does not take eal-args","devices":[{"name","device","driver","why"}]}; configured has name "" when this build has no such
 * engine; transforms: how many of those that ESP and AH have here its device does, -1 for an engine without a device; devices are the ports, then
 * those of eal-args, named so; why "": nothing is known against it. Returns the exit status: 0, 1 when the EAL does not start, 2 wrong usage. */
int dp_doctor_main(int argc, char **argv);

#endif
