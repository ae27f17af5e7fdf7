/* daemon_priv: the parts of the control process, shared by daemon*.c. */
#ifndef CONTROL_DAEMON_PRIV_H
#define CONTROL_DAEMON_PRIV_H

#include "control/apply.h"
#include "control/cli/cli_call.h"
#include "control/cli/cli_cond.h"
#include "control/cli/cli_decisions.h"
#include "control/cli/cli_server.h"
#include "control/daemon.h"
#include "control/ike/ike.h"
#include "control/pki/pki_expiry.h"
#include "control/runtime/rt_link.h"
#include "control/runtime/rt_state.h"

struct event;
struct event_base;
struct met_server;
struct pki_enrol;
struct pki_fetch_loop;

struct daemon {
    struct daemon_start start;
    struct event_base *base;
    struct cfg *cfg;
    struct apply_set want; /* what cfg asks of the data plane */
    struct rt_link *link;
    struct sam_link sam_link;
    struct ike_env ike_env;
    struct ike *ike;
    struct pki *pki;         /* daemon_pki.c has this and the next four */
    struct pki_enrol *enrol; /* daemon_enrol.c */
    struct pki_fetch_loop *pki_fetches;
    struct event *pki_timer;
    struct pki_expiry pki_expiry;
    uint64_t pki_expiry_at_ms; /* of the next check */
    struct cli_env cli_env;
    struct cli_server *cli;
    struct met_server *metrics; /* NULL: not asked for */
    struct cli_decisions decisions;
    struct cli_conds conds;
    struct rt_state state;
    struct event *ike_timer, *save_timer, *connect_timer, *stop_timer, *sigterm, *sigint, *sighup;
    bool save_armed;
    bool hello_done; /* this connection has been greeted: it may be given configuration */
    bool configured; /* and it has all of it: packets pass */
    bool ever_hello; /* of this process */
    bool adopting;   /* entries of the SA_DUMP under way are children to be taken over */
    bool was_lost;   /* the data plane is another one: the engine is to be told once it is configured */
    bool told_ready;
    bool connect_told; /* the log has said that the data plane is away */
    bool stopping;
};

/* daemon.c */
void daemon_rearm(struct daemon *d);
/* The file again, whole or not at all. On CV_OK f is empty (what remains to be said is in the log), else it says why. */
CV_MUST_USE cv_result daemon_reload(struct daemon *d, struct cfg_findings *f);

#endif
