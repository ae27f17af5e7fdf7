#include "control/config/cfg_write.h"

#include "control/config/cfg_alg.h"

static const char *df_word(enum cv_df df)
{
    return df == CV_DF_SET ? "set" : df == CV_DF_CLEAR ? "clear" : "copy";
}

/* before: " set" or "crypto ipsec". */
static void put_params(struct cfg_writer *w, const char *before, const struct cfg_sa_params *x)
{
    if (x->lifetime_s_set)
        cfg_put(w, "%s security-association lifetime seconds %u\n", before, x->lifetime_s);
    if (x->lifetime_kb_set && x->lifetime_kb_disable)
        cfg_put(w, "%s security-association lifetime kilobytes disable\n", before);
    else if (x->lifetime_kb_set)
        cfg_put(w, "%s security-association lifetime kilobytes %llu\n", before,
                (unsigned long long)x->lifetime_kb);
    if (x->lifetime_packets_set && x->lifetime_packets)
        cfg_put(w, "%s security-association lifetime packets %llu\n", before,
                (unsigned long long)x->lifetime_packets);
    else if (x->lifetime_packets_set)
        cfg_put(w, "%s security-association lifetime packets disable\n", before);
    if (x->idle_set)
        cfg_put(w, "%s security-association idle-time %u%s\n", before, x->idle_s,
                x->idle_default ? " default" : "");
    if (x->replay_set && x->replay_disable)
        cfg_put(w, "%s security-association replay disable\n", before);
    else if (x->replay_set)
        cfg_put(w, "%s security-association replay window-size %u\n", before, x->replay_window);
    if (x->df_set)
        cfg_put(w, "%s security-association dfbit %s\n", before, df_word(x->df));
    if (x->ecn_set)
        cfg_put(w, "%s security-association ecn %s\n", before, x->ecn_discard ? "discard" : "propagate");
    if (x->esn_set)
        cfg_put(w, "%s security-association esn\n", before);
    if (x->per_worker_set && x->per_worker)
        cfg_put(w, "%s security-association per-worker %u\n", before, x->per_worker);
    else if (x->per_worker_set)
        cfg_put(w, "%s security-association per-worker\n", before);
    if (x->dummy_set && x->dummy_s)
        cfg_put(w, "%s security-association dummy seconds %u\n", before, x->dummy_s);
    else if (x->dummy_set)
        cfg_put(w, "%s security-association dummy pps %u\n", before, x->dummy_pps);
    if (x->tfc_set && x->tfc_len == CV_TFC_MTU)
        cfg_put(w, "%s security-association tfc-padding mtu\n", before);
    else if (x->tfc_set)
        cfg_put(w, "%s security-association tfc-padding %u\n", before, x->tfc_len);
}

static void put_size(struct cfg_writer *w, uint16_t key_bits)
{
    if (key_bits && key_bits != 128)
        cfg_put(w, " %u", key_bits);
}

static void put_set(struct cfg_writer *w, const struct cfg_transform_set *x)
{
    cfg_put_name(w, "!\ncrypto ipsec transform-set ", x->name);
    if (x->ah_integ != CV_INTEG_NONE)
        cfg_put(w, " %s", cfg_alg_ah_integ_word(x->ah_integ));
    if (x->encr != CV_ENCR_NONE) {
        cfg_put(w, " %s", cfg_alg_esp_encr_word(x->encr));
        put_size(w, x->key_bits);
    }
    if (x->integ != CV_INTEG_NONE)
        cfg_put(w, " %s", cfg_alg_esp_integ_word(x->integ));
    cfg_put(w, "\n mode %s%s\n", x->transport ? "transport" : "tunnel",
            x->transport_require ? " require" : "");
}

void cfg_write_ipsec_lines(struct cfg_writer *w, const struct cfg_ipsec_profile *x)
{
    if (x->description[0])
        cfg_put(w, " description %s\n", x->description);
    for (unsigned i = 0; i < x->transform_set_count; i++)
        cfg_put_name(w, i ? " " : " set transform-set ", x->transform_sets[i]);
    cfg_put(w, "%s", x->transform_set_count ? "\n" : "");
    if (x->pfs)
        cfg_put(w, " set pfs group%u\n", x->pfs_group);
    if (x->isakmp_profile[0])
        cfg_put_word(w, " set isakmp-profile ", x->isakmp_profile, "");
    if (x->ikev2_profile[0])
        cfg_put_word(w, " set ikev2-profile ", x->ikev2_profile, "");
    put_params(w, " set", &x->sa);
}

static void put_profile(struct cfg_writer *w, const struct cfg_ipsec_profile *x)
{
    cfg_put_word(w, "!\ncrypto ipsec profile ", x->name, "");
    cfg_write_ipsec_lines(w, x);
    if (x->responder_only)
        cfg_put(w, " responder-only\n");
}

/* Those that are `refused` or those that are not, whichever are fewer, as many in a line as one may have. */
static void put_icmp(struct cfg_writer *w, const char *of, const uint8_t refused[32])
{
    enum { TYPES = 256, IN_LINE = 32 };
    unsigned count = 0, put = 0;
    for (unsigned t = 0; t < TYPES; t++)
        count += refused[t / 8] >> t % 8 & 1;
    const bool most = count > TYPES / 2;
    if (most)
        cfg_put(w, "crypto ipsec icmp %s discard all\n", of);
    for (unsigned t = 0; t < TYPES; t++) {
        if ((refused[t / 8] >> t % 8 & 1) == most)
            continue;
        if (put % IN_LINE == 0)
            cfg_put(w, "%scrypto ipsec icmp %s %s", put ? "\n" : "", of, most ? "accept" : "discard");
        cfg_put(w, " %u", t);
        put++;
    }
    if (put)
        cfg_put(w, "\n");
}

void cfg_write_ipsec(struct cfg_writer *w, const struct cfg *c)
{
    put_params(w, "crypto ipsec", &c->sa);
    if (c->cut_after)
        cfg_put(w, "crypto ipsec fragmentation after-encryption\n");
    if (c->df != CV_DF_COPY)
        cfg_put(w, "crypto ipsec df-bit %s\n", df_word(c->df));
    if (c->ipv4_deny != CFG_DENY_JUMP)
        cfg_put(w, "crypto ipsec ipv4-deny %s\n", c->ipv4_deny == CFG_DENY_CLEAR ? "clear" : "drop");
    put_icmp(w, "unprotected ipv4", c->icmp.refused[0][0]);
    put_icmp(w, "unprotected ipv6", c->icmp.refused[0][1]);
    put_icmp(w, "protected ipv4", c->icmp.refused[1][0]);
    put_icmp(w, "protected ipv6", c->icmp.refused[1][1]);
    if (!cfg_find_transform_set(c, "default"))
        cfg_put(w, "no crypto ipsec transform-set default\n");
    for (unsigned i = 0; i < c->transform_set_count; i++)
        if (!c->transform_sets[i].builtin)
            put_set(w, &c->transform_sets[i]);
    if (!cfg_find_ipsec_profile(c, "default"))
        cfg_put(w, "no crypto ipsec profile default\n");
    for (unsigned i = 0; i < c->ipsec_profile_count; i++)
        if (!c->ipsec_profiles[i].builtin && !c->ipsec_profiles[i].made)
            put_profile(w, &c->ipsec_profiles[i]);
}
