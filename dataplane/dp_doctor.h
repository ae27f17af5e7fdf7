/* dp_doctor: `culvert-dp --doctor`: what `culvert doctor` cannot know without DPDK, as JSON on standard output.
 *
 * Starts the EAL with a little memory, without ports and without hugepages, so that it disturbs no data plane that runs. */
#ifndef DATAPLANE_DP_DOCTOR_H
#define DATAPLANE_DP_DOCTOR_H

/* argv[0] is "--doctor"; --engine WORD is that of the platform section (default auto). Prints {"dpdk","ipsec_mb",
 * "engines":[{"name","device","tried","usable","passed","why"}],"configured":{...}}; configured has name "" when this build has no such
 * engine. Returns the exit status: 0, 1 when the EAL does not start, 2 wrong usage. */
int dp_doctor_main(int argc, char **argv);

#endif
