#include "control/ikev1/v1_fsm.h"

#include "control/ikev1/v1_phase1.h"

enum { QM1 = 1, QM2 = 2, QM3 = 3 };

#define PHASE2(state)                                                                                        \
    {state, PLD1_QUICK, QM1, "QM1", v1_quick_1, "choose, install, answer QM2"},                              \
        {state, PLD1_QUICK, QM2, "QM2", v1_quick_2, "the peer's choice: install, send QM3"},                 \
        {state, PLD1_QUICK, QM3, "QM3", v1_quick_3, "the child sends from now on"},                          \
    {                                                                                                        \
        state, PLD1_INFORMATIONAL, 1, "INFO", v1_info_in, "deletes, notifies, dead peer detection"           \
    }

static const struct v1_row rows[] = {
    {V1_I_MM1, PLD1_MAIN, 2, "MM2", v1_main_2, "one of our transforms is chosen: send MM3 -> IKE_I_MM3"},
    {V1_R_MM2, PLD1_MAIN, 3, "MM3", v1_main_3, "derive keys, send MM4 -> IKE_R_MM4"},
    {V1_I_MM3, PLD1_MAIN, 4, "MM4", v1_main_4, "derive keys, float behind a NAT, send MM5 -> IKE_I_MM5"},
    {V1_R_MM4, PLD1_MAIN, 5, "MM5", v1_main_5,
     "profile by ID, its keyrings against the key used, HASH_I; send MM6 -> IKE_P1_COMPLETE"},
    {V1_I_MM5, PLD1_MAIN, 6, "MM6", v1_main_6, "HASH_R -> IKE_P1_COMPLETE"},
    {V1_I_AM1, PLD1_AGGRESSIVE, 2, "AM2", v1_aggr_2, "derive keys, HASH_R, send AM3 -> IKE_P1_COMPLETE"},
    {V1_R_AM2, PLD1_AGGRESSIVE, 3, "AM3", v1_aggr_3, "HASH_I -> IKE_P1_COMPLETE"},
    {V1_I_MM5, PLD1_INFORMATIONAL, 1, "INFO", v1_phase1_info, "an error under HASH ends the attempt"},
    PHASE2(V1_COMPLETE),
    PHASE2(V1_REPLACED),
};
enum { ROWS = sizeof rows / sizeof *rows };

static uint8_t quick_number(const struct v1_xchg *x)
{
    if (!x)
        return QM1;
    return x->state == V1_X_I_QM1 ? QM2 : x->state == V1_X_R_QM2 ? QM3 : 0;
}

const struct v1_row *v1_row(enum v1_state state, uint8_t exchange, const struct v1_xchg *quick)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].state == state && rows[i].exchange == exchange &&
            (exchange != PLD1_QUICK || rows[i].number == quick_number(quick)))
            return &rows[i];
    return NULL;
}

static const struct {
    const char *fsm, *shown;
} texts[V1_STATE_COUNT] = {
#define V1_STATE_TEXT(id, fsm, shown) [V1_##id] = {fsm, shown},
    V1_STATES(V1_STATE_TEXT)
#undef V1_STATE_TEXT
};

const char *v1_state_text(enum v1_state s)
{
    return (unsigned)s < V1_STATE_COUNT ? texts[s].fsm : "?";
}

const char *v1_state_shown(enum v1_state s)
{
    return (unsigned)s < V1_STATE_COUNT ? texts[s].shown : "?";
}

void v1_fsm_print(FILE *out)
{
    fprintf(out,
            "- | Main Mode 1 | key for the peer's address, policy; send MM2 -> IKE_R_MM2\n"
            "- | Aggressive Mode 1 | only where configured: profile and key by ID; send AM2 -> IKE_R_AM2\n");
    for (unsigned i = 0; i < ROWS; i++)
        fprintf(out, "%s | %s %u | %s\n", v1_state_text(rows[i].state), pld1_exchange_name(rows[i].exchange),
                rows[i].number, rows[i].text);
}
