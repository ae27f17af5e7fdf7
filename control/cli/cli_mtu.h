/* cli_mtu: what fits through a child SA: the MTU of the port that its ESP leaves by, and the largest packet inside. */
#ifndef CONTROL_CLI_CLI_MTU_H
#define CONTROL_CLI_CLI_MTU_H

#include "control/cli/cli_call.h"
#include "control/sa/sam.h"

struct cli_mtu {
    const char *port;   /* name of the way out, of the configuration */
    unsigned ip;        /* octets of IP that it takes */
    unsigned path;      /* ... and the whole path, by what routers said (RFC 1191, RFC 8201) */
    unsigned plaintext; /* ... of a packet inside */
};
/* False: the way out or its MTU is not known now. */
CV_MUST_USE bool cli_mtu_of(struct cli_call *c, const struct sam_child *k, struct cli_mtu *out);
/* The largest IP packet whose ESP packet has at most `path` octets (RFC 4303 2.4: padding to the cipher's block, two
 * octets of trailer); 0: none. */
unsigned cli_mtu_plaintext(const struct sam_child *k, unsigned path);
/* The data plane's words on an interface's port; NULL: it is none, or the data plane is away. */
const struct cv_port_stats *cli_mtu_port(struct cli_call *c, const char *interface);

#endif
