/* cli_flow: one child SA as the show commands see it: its counters, what is left of its life, its engine. */
#ifndef CONTROL_CLI_CLI_FLOW_H
#define CONTROL_CLI_CLI_FLOW_H

#include "common/ring.h"
#include "control/cli/cli_call.h"
#include "control/sa/sam.h"

struct cli_flow_view {
    const struct sam_child *child;
    struct cv_sa_counters in, out;  /* since the installation, or `clear crypto sa counters` */
    uint64_t in_before, out_before; /* packets until then */
    bool has_time, has_volume, has_packets;
    uint64_t remaining_s, remaining_kb, remaining_packets;
    char transform[192];               /* CLI_TEXT_MAX */
    char engine[CV_NAME_MAX];          /* "mixed": not the same in both directions */
    struct cv_sa_engine in_by, out_by; /* zero: not known */
    struct cv_sa_offload in_off, out_off;
};
void cli_flow_view(struct cli_call *c, const struct sam_child *child, struct cli_flow_view *out);
/* The first child at or after k, of the list of v's interface (sam_children_on), that is of session v: under a dynamic
 * crypto map entry one interface serves many peers, each a session of its own. NULL: no more. */
const struct sam_child *cli_flow_of(struct cli_call *c, const struct ike_session_view *v,
                                    const struct sam_child *k);
/* Whether a session's interface is a dynamic crypto map entry's. */
bool cli_flow_dynamic(struct cli_call *c, const char *interface);
/* The object of `flows` in interfaces.md. */
json_t *cli_flow_json(struct cli_call *c, const struct cli_flow_view *v);
/* "cryptodev crypto_openssl look-aside"; "vaes for 12 s: the device has failed". */
void cli_flow_engine(struct cli_call *c, const struct cli_flow_view *v, bool in, char *out, size_t len);
/* Drops on the way in: ICV, replay, selectors, others. */
uint64_t cli_flow_drops_in(const struct cli_flow_view *v);

#endif
