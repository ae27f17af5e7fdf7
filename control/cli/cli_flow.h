/* cli_flow: one child SA as the show commands see it: its counters, what is left of its life, its engine. */
#ifndef CONTROL_CLI_CLI_FLOW_H
#define CONTROL_CLI_CLI_FLOW_H

#include "control/cli/cli_call.h"
#include "control/sa/sam.h"

struct cli_flow_view {
    const struct sam_child *child;
    struct cv_sa_counters in, out;
    bool has_time, has_volume;
    uint64_t remaining_s, remaining_kb;
    char transform[192]; /* CLI_TEXT_MAX */
    char engine[CV_NAME_MAX];
};
void cli_flow_view(struct cli_call *c, const struct sam_child *child, struct cli_flow_view *out);
/* The object of `flows` in interfaces.md. */
json_t *cli_flow_json(const struct cli_flow_view *v);
/* Drops on the way in: ICV, replay, selectors, others. */
uint64_t cli_flow_drops_in(const struct cli_flow_view *v);

#endif
