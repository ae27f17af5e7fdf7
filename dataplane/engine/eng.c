#include "dataplane/engine/eng.h"

#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_cryptodev.h"
#include "dataplane/engine/eng_inline.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_session.h"
#include "dataplane/engine/eng_vaes.h"

#include <string.h>

const struct eng_ops *const eng_all[] = {&eng_ipsecmb, &eng_vaes, NULL};

/* The words of the platform section that do not equal an engine's name. */
static const struct {
    const char *word, *name;
} aliases[] = {{"ipsec-mb", "ipsecmb"}};

const struct eng_ops *eng_by_name(const char *word)
{
    if (!strcmp(word, "auto"))
        return &eng_auto;
    if (!strcmp(word, "inline"))
        return &eng_inline;
    if (!strncmp(word, "cryptodev ", 10) && eng_argument(word)[0])
        return &eng_cryptodev;
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (!strcmp(word, aliases[i].word))
            word = aliases[i].name;
    for (size_t i = 0; eng_all[i]; i++)
        if (!strcmp(word, eng_all[i]->name))
            return eng_all[i];
    return NULL;
}

const char *eng_argument(const char *word)
{
    const char *at = strchr(word, ' ');
    return at ? at + strspn(at, " ") : "";
}

void eng_where(const struct eng_session *s, struct cv_sa_engine *out)
{
    const struct eng_ops *owner = eng_session_owner(s);
    out->by = owner->by;
    out->why = CV_ENGINE_WHY_NONE;
    if (owner->where)
        owner->where(s, out);
}

bool eng_offload(const struct eng_session *s, struct cv_sa_offload *out)
{
    const struct eng_ops *owner = eng_session_owner(s);
    if (owner->offload)
        owner->offload(s, out);
    return owner->offload != NULL;
}

void eng_peer_moves(struct eng_session *s, const struct ip_endpoint *remote)
{
    const struct eng_ops *owner = eng_session_owner(s);
    if (owner->peer_moves)
        owner->peer_moves(s, remote);
}
