/* sam_priv: what the files of sa share: a child with its places in the indexes, and the queue to the data plane. */
#ifndef CONTROL_SA_SAM_PRIV_H
#define CONTROL_SA_SAM_PRIV_H

#include "control/sa/sam.h"
#include "control/sa/sam_slot.h"

#include <uthash.h>

enum {
    SAM_RETRY_MS = 20,            /* commands that found the queue full */
    SAM_LIFETIME_DEFAULT_S = 3600 /* an adopted child of which nothing is known */
};

struct sam_out_key {
    uint32_t owner, spi, ah;
};

struct sam_entry {
    struct sam_child c; /* first: a sam_child is its entry */
    struct sam_entry *prev, *prev_of_owner, *prev_of_tunnel;
    bool in_owner_list;
    uint64_t due; /* when the timer has to look at it */
    size_t heap_at;
    struct sam_out_key out_key;
    bool in_index_out;
    bool have_in, have_out; /* adoption: directions seen */
    UT_hash_handle hh_id, hh_out, hh_cookie;
};

/* Head of the list of one IKE SA's children. */
struct sam_owner {
    uint32_t owner;
    struct sam_entry *first;
    UT_hash_handle hh;
};

/* Head of the list of one interface's children. */
struct sam_tunnel {
    char interface[CV_NAME_MAX];
    struct sam_entry *first;
    UT_hash_handle hh;
};

/* A command whose reply is awaited. */
struct sam_pending {
    uint32_t seq, type;
    uint32_t child_id;
    struct cv_sa_ref ref;
    UT_hash_handle hh;
};

/* A command without keys that waits for room in the queue. */
struct sam_deferred {
    struct cv_cmd cmd;
    uint32_t child_id;
    struct sam_deferred *next;
};

struct sam {
    struct sam_conf conf;
    unsigned bits;
    struct sam_slots in, out;
    struct sam_entry *first, *last;
    struct sam_entry *by_id, *by_out, *by_cookie; /* by_cookie: adoption only */
    struct sam_owner *owners;
    struct sam_tunnel *tunnels;
    struct sam_entry **heap;
    size_t heap_len, heap_cap;
    uint32_t last_id;
    struct sam_pending *pending;
    struct sam_deferred *deferred, *deferred_last;
    uint64_t deferred_at;
};

static inline struct sam_entry *sam_entry_of(struct sam_child *c)
{
    return (struct sam_entry *)(void *)c;
}
static inline uint64_t sam_now(const struct sam *s)
{
    return s->conf.now_ms(s->conf.env_ctx);
}
uint32_t sam_random32(struct sam *s);

/* sam.c */
CV_MUST_USE cv_result
sam_tables(struct sam *s); /* makes the slot tables once the data plane's size is known */
CV_MUST_USE struct sam_entry *sam_entry_new(struct sam *s, uint32_t id);
CV_MUST_USE cv_result sam_owner_add(struct sam *s, struct sam_entry *e); /* to the list of its owner */
void sam_owner_remove(struct sam *s, struct sam_entry *e);
void sam_entry_index_out(struct sam *s, struct sam_entry *e);
void sam_entry_free(struct sam *s, struct sam_entry *e);    /* out of every index; no commands */
void sam_entry_destroy(struct sam *s, struct sam_entry *e); /* with SA_DEL for what is installed */

/* sam_cmd.c: commands and their replies */
CV_MUST_USE cv_result sam_cmd_now(struct sam *s, struct cv_cmd *cmd, uint32_t child_id);
void sam_cmd_must(struct sam *s, const struct cv_cmd *cmd,
                  uint32_t child_id); /* now or as soon as there is room */
void sam_cmd_delete(struct sam *s, const struct cv_sa_ref *ref);
void sam_cmd_retry(struct sam *s);
void sam_cmd_reply(struct sam *s, uint32_t seq, const struct cv_reply *r);
void sam_cmd_forget(struct sam *s);

/* sam_life.c: lifetimes and the heap of what is due */
void sam_life_start(struct sam *s, struct sam_entry *e, uint64_t lifetime_s);
void sam_life_idle_start(struct sam *s, struct sam_entry *e, uint32_t idle_s); /* after its owner is known */
void sam_life_volume(struct sam *s, uint64_t hard, uint64_t floor, uint64_t *soft);
CV_MUST_USE cv_result sam_life_add(struct sam *s, struct sam_entry *e);
void sam_life_remove(struct sam *s, struct sam_entry *e);
void sam_life_update(struct sam *s, struct sam_entry *e); /* after a change of its times */
void sam_life_soft(struct sam *s, struct sam_entry *e, enum sam_why why);
void sam_life_hard(struct sam *s, struct sam_entry *e);

#endif
