#include "control/ikev2/v2_fsm.h"

#include "control/ikev2/v2_auth.h"

static const struct v2_kind kinds[V2_TASK_KIND_COUNT] = {
    [V2_TASK_INIT] = {"IKE_SA_INIT", PLD_IKE_SA_INIT, NULL, NULL}, /* unprotected: v2_init.c */
    [V2_TASK_AUTH] = {"IKE_AUTH", PLD_IKE_AUTH, v2_auth_build, v2_auth_response},
    [V2_TASK_CHILD] = {"new child", PLD_CREATE_CHILD_SA, v2_child_build, v2_child_response},
    [V2_TASK_REKEY_CHILD] = {"rekey of a child", PLD_CREATE_CHILD_SA, v2_rekey_child_build,
                             v2_rekey_child_response},
    [V2_TASK_REKEY_SA] = {"rekey of the IKE SA", PLD_CREATE_CHILD_SA, v2_rekey_sa_build,
                          v2_rekey_sa_response},
    [V2_TASK_DELETE_CHILD] = {"delete of a child", PLD_INFORMATIONAL, v2_delete_child_build,
                              v2_delete_child_response},
    [V2_TASK_DELETE_SA] = {"delete of the IKE SA", PLD_INFORMATIONAL, v2_delete_sa_build,
                           v2_delete_sa_response},
    [V2_TASK_DPD] = {"dead peer detection", PLD_INFORMATIONAL, v2_dpd_build, v2_dpd_response},
    [V2_TASK_INVALID_SPI] = {"INVALID_SPI", PLD_INFORMATIONAL, v2_invalid_spi_build, v2_dpd_response},
    [V2_TASK_INVALID_SELECTORS] = {"INVALID_SELECTORS", PLD_INFORMATIONAL, v2_invalid_selectors_build,
                                   v2_dpd_response},
    [V2_TASK_AUTH_FAILED] = {"AUTHENTICATION_FAILED", PLD_INFORMATIONAL, v2_auth_failed_build,
                             v2_auth_failed_response},
};

const struct v2_kind *v2_kind(enum v2_task_kind kind)
{
    return &kinds[kind];
}

/* RFC 7296 2.25: on an SA that is being replaced or deleted nothing new begins. */
static void refuse_for_now(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_reply *r)
{
    (void)e;
    (void)sa;
    (void)m;
    v2_reply_error(r, PLD_PROTO_NONE, PLD_N_TEMPORARY_FAILURE, (struct slice){0});
}

#define REQUEST(state, exchange, handler, text)                                                              \
    {                                                                                                        \
        state, exchange, false, handler, false, text                                                         \
    }
#define ANSWER(state, exchange, text)                                                                        \
    {                                                                                                        \
        state, exchange, true, NULL, true, text                                                              \
    }
static const struct v2_row rows[] = {
    {V2_INIT_SENT, PLD_IKE_SA_INIT, true, NULL, false,
     "cookie or other group: ask again; else derive keys, send IKE_AUTH -> AUTH_SENT"},
    REQUEST(V2_INIT_DONE, PLD_IKE_AUTH, v2_auth_request,
            "derive keys, verify the peer, prove ourselves, install the child -> ESTABLISHED"),
    ANSWER(V2_AUTH_SENT, PLD_IKE_AUTH, "verify the peer, install the child -> ESTABLISHED"),
    REQUEST(V2_ESTABLISHED, PLD_CREATE_CHILD_SA, v2_create_child_request,
            "new child, rekey of a child, rekey of the IKE SA (-> REKEYED)"),
    ANSWER(V2_ESTABLISHED, PLD_CREATE_CHILD_SA, "finish what we asked for (IKE rekey -> REKEYED)"),
    REQUEST(V2_ESTABLISHED, PLD_INFORMATIONAL, v2_informational_request,
            "deletes, notifies, dead peer detection"),
    ANSWER(V2_ESTABLISHED, PLD_INFORMATIONAL, "finish what we asked for"),
    REQUEST(V2_REKEYED, PLD_CREATE_CHILD_SA, refuse_for_now, "TEMPORARY_FAILURE"),
    ANSWER(V2_REKEYED, PLD_CREATE_CHILD_SA, "finish what was asked before the rekey"),
    REQUEST(V2_REKEYED, PLD_INFORMATIONAL, v2_informational_request, "the delete that ends the old IKE SA"),
    ANSWER(V2_REKEYED, PLD_INFORMATIONAL, "our delete is answered: removed"),
    REQUEST(V2_DELETING, PLD_CREATE_CHILD_SA, refuse_for_now, "TEMPORARY_FAILURE"),
    ANSWER(V2_DELETING, PLD_CREATE_CHILD_SA, "too late, dropped"),
    REQUEST(V2_DELETING, PLD_INFORMATIONAL, v2_informational_request, "deletes that cross ours"),
    ANSWER(V2_DELETING, PLD_INFORMATIONAL, "our delete is answered: removed"),
};
enum { ROWS = sizeof rows / sizeof *rows };

const struct v2_row *v2_row(enum v2_state state, uint8_t exchange, bool response)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].state == state && rows[i].exchange == exchange && rows[i].response == response)
            return &rows[i];
    return NULL;
}

const char *v2_state_text(enum v2_state s)
{
    static const char *const text[V2_STATE_COUNT] = {
        [V2_INIT_SENT] = "INIT_SENT",     [V2_INIT_DONE] = "INIT_DONE", [V2_AUTH_SENT] = "AUTH_SENT",
        [V2_ESTABLISHED] = "ESTABLISHED", [V2_REKEYED] = "REKEYED",     [V2_DELETING] = "DELETING",
    };
    return (unsigned)s < V2_STATE_COUNT ? text[s] : "?";
}

void v2_fsm_print(FILE *out)
{
    fprintf(out, "- | IKE_SA_INIT | request | cookie, limits, proposal, group; answer -> INIT_DONE\n");
    for (unsigned i = 0; i < ROWS; i++)
        fprintf(out, "%s | %s | %s | %s\n", v2_state_text(rows[i].state), pld_exchange_name(rows[i].exchange),
                rows[i].response ? "response" : "request", rows[i].text);
}
