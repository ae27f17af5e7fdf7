#include "control/cli/cli_tree.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 40 };

/* Inner words stand before what hangs below them. */
const struct cli_row cli_rows[] = {
    {"check", CLI_CHECK, true, "FILE", "json", "Parse and lint a configuration file, no daemon needed"},
    {"explain", CLI_EXPLAIN, true, "A.conf B.conf",
     "initiator=a|b|both;tunnel=NAME;ios;debug;html=FILE;enrolled=a:TP1,TP2;at=DATE;json",
     "Why two configurations do or do not come up, from each end, and what to change; no daemon needed"},
    {"bench", CLI_BENCH, true, "WHAT...", NULL,
     "Measure: bench dataplane [OPTIONS], bench offload [OPTIONS]"},
    {"doctor", CLI_DOCTOR, true, NULL, "config=FILE;json",
     "Is this machine ready for a configuration: processor, memory, cores, IOMMU, ports; no daemon needed"},
    {"help", CLI_HELP, true, NULL, NULL, "List the commands"},
    {"show", CLI_NONE, false, NULL, NULL, "Show running system information"},
    {"show crypto", CLI_NONE, false, NULL, NULL, "IKE and IPsec"},
    {"show crypto session", CLI_SHOW_SESSION, false, NULL,
     "detail;brief;local=ADDRESS;remote=ADDRESS;interface=IF;fvrf=NAME",
     "Sessions: tunnels, their IKE SA and their flows"},
    {"show crypto isakmp", CLI_NONE, false, NULL, NULL, "IKEv1"},
    {"show crypto isakmp sa", CLI_SHOW_ISAKMP_SA, false, NULL, "detail;count", "IKEv1 SAs"},
    {"show crypto isakmp key", CLI_SHOW_ISAKMP_KEY, false, NULL, "reveal",
     "Pre-shared keys by keyring, as ********; reveal: in clear"},
    {"show crypto isakmp profile", CLI_SHOW_ISAKMP_PROFILE, false, "[NAME]", NULL, "ISAKMP profiles"},
    {"show crypto isakmp policy", CLI_SHOW_ISAKMP_POLICY, false, NULL, NULL, "IKEv1 policies in force"},
    {"show crypto isakmp default", CLI_NONE, false, NULL, NULL, "Built-in values"},
    {"show crypto isakmp default policy", CLI_SHOW_ISAKMP_DEFAULT_POLICY, false, NULL, NULL,
     "Built-in IKEv1 policies, when they are in force"},
    {"show crypto isakmp peers", CLI_SHOW_ISAKMP_PEERS, false, "[ADDRESS]", NULL, "Peers with an IKEv1 SA"},
    {"show crypto ikev2", CLI_NONE, false, NULL, NULL, "IKEv2"},
    {"show crypto ikev2 sa", CLI_SHOW_IKEV2_SA, false, NULL, "detailed;local=ADDRESS;remote=ADDRESS",
     "IKEv2 SAs"},
    {"show crypto ikev2 session", CLI_SHOW_IKEV2_SESSION, false, NULL, "detailed",
     "IKEv2 SAs that are up, with the selectors and SPIs of their child SAs"},
    {"show crypto ikev2 profile", CLI_SHOW_IKEV2_PROFILE, false, "[NAME]", NULL,
     "IKEv2 profiles, in the order of the search: of equal matches the first listed is taken"},
    {"show crypto ikev2 policy", CLI_SHOW_IKEV2_POLICY, false, "[NAME]", NULL, "IKEv2 policies"},
    {"show crypto ikev2 proposal", CLI_SHOW_IKEV2_PROPOSAL, false, "[NAME]", NULL, "IKEv2 proposals"},
    {"show crypto ikev2 stats", CLI_SHOW_IKEV2_STATS, false, NULL, NULL, "IKEv2 counters"},
    {"show crypto ipsec", CLI_NONE, false, NULL, NULL, "IPsec"},
    {"show crypto ipsec sa", CLI_SHOW_IPSEC_SA, false, NULL,
     "interface=IF;peer=ADDRESS;map=NAME;vrf=NAME;detail;count", "IPsec SAs"},
    {"show crypto ipsec profile", CLI_SHOW_IPSEC_PROFILE, false, "[NAME]", NULL, "IPsec profiles"},
    {"show crypto ipsec transform-set", CLI_SHOW_TRANSFORM_SET, false, "[NAME]", NULL, "Transform sets"},
    {"show crypto map", CLI_SHOW_MAP, false, NULL, "interface=IF;tag=NAME", "Crypto maps"},
    {"show crypto decisions", CLI_SHOW_DECISIONS, false, NULL, "peer=ADDRESS",
     "Why profiles, keys, policies and proposals were chosen: the last 64"},
    {"show crypto debug-condition", CLI_SHOW_DEBUG_CONDITION, false, NULL, NULL, "What debug is limited to"},
    {"show crypto pki", CLI_NONE, false, NULL, NULL, "Certificates"},
    {"show crypto pki certificates", CLI_SHOW_PKI_CERTIFICATES, false, "[TRUSTPOINT]", "verbose",
     "Certificates: our own, the last enrolled first, then those of the CAs"},
    {"show crypto pki trustpoints", CLI_SHOW_PKI_TRUSTPOINTS, false, "[TRUSTPOINT]", "status",
     "Trust-points, their CAs, and how enrolment stands"},
    {"show crypto pki crls", CLI_SHOW_PKI_CRLS, false, NULL, NULL, "Certificate revocation lists at hand"},
    {"show crypto key", CLI_NONE, false, NULL, NULL, "Key pairs"},
    {"show crypto key mypubkey", CLI_NONE, false, NULL, NULL, "Our public keys"},
    {"show crypto key mypubkey all", CLI_SHOW_KEY, false, NULL, NULL, "All of them"},
    {"show crypto key mypubkey rsa", CLI_SHOW_KEY_RSA, false, NULL, NULL, "RSA"},
    {"show crypto key mypubkey ec", CLI_SHOW_KEY_EC, false, NULL, NULL, "ECDSA and Ed25519"},
    {"show access-lists", CLI_SHOW_ACL, false, "[NAME]", NULL, "Access lists"},
    {"show vrf", CLI_SHOW_VRF, false, "[NAME]", NULL, "VRFs and their interfaces"},
    {"show debugging", CLI_SHOW_DEBUGGING, false, NULL, NULL, "What anybody debugs"},
    {"show interfaces", CLI_SHOW_INTERFACES, false, "[NAME...]", NULL, "Interfaces, addresses, counters"},
    {"show ip", CLI_NONE, false, NULL, NULL, "IPv4"},
    {"show ip route", CLI_SHOW_IP_ROUTE, false, NULL, "vrf=NAME", "IPv4 routes"},
    {"show ipv6", CLI_NONE, false, NULL, NULL, "IPv6"},
    {"show ipv6 route", CLI_SHOW_IPV6_ROUTE, false, NULL, "vrf=NAME", "IPv6 routes"},
    {"show platform", CLI_NONE, false, NULL, NULL, "The data plane"},
    {"show platform dataplane", CLI_SHOW_DATAPLANE, false, NULL, NULL,
     "Workers, ports, drops by reason, crypto engines"},
    {"show platform steering", CLI_SHOW_STEERING, false, NULL, NULL,
     "How packets come to the worker that owns their SA"},
    {"show platform memory", CLI_SHOW_MEMORY, false, NULL, NULL, "What SAs, sessions and tables take"},
    {"show running-config", CLI_SHOW_CONFIG, false, NULL, NULL, "The configuration in force, keys hidden"},
    {"show version", CLI_SHOW_VERSION, false, NULL, NULL, "Versions and uptime"},
    {"clear", CLI_NONE, false, NULL, NULL, "Reset"},
    {"clear crypto", CLI_NONE, false, NULL, NULL, "IKE and IPsec"},
    {"clear crypto session", CLI_CLEAR_SESSION, false, NULL, "remote=ADDRESS;local=ADDRESS;fvrf=NAME",
     "Delete IKE and IPsec SAs together, of all or of one peer"},
    {"clear crypto isakmp", CLI_CLEAR_ISAKMP, false, "[CONN-ID]", NULL, "Delete IKEv1 SAs, all or one"},
    {"clear crypto ikev2", CLI_NONE, false, NULL, NULL, "IKEv2"},
    {"clear crypto ikev2 sa", CLI_CLEAR_IKEV2_SA, false, NULL, "remote=ADDRESS;local=ADDRESS;fvrf=NAME",
     "Delete IKEv2 SAs"},
    {"clear crypto sa", CLI_CLEAR_IPSEC_SA, false, NULL, "peer=ADDRESS;map=NAME;vrf=NAME;spi=SPI",
     "Delete IPsec SAs, their IKE SAs stay; what is wanted comes up again"},
    {"clear crypto sa counters", CLI_CLEAR_IPSEC_COUNTERS, false, NULL,
     "peer=ADDRESS;map=NAME;vrf=NAME;spi=SPI", "Count their packets anew; the SAs stay"},
    {"clear crypto sa entry", CLI_CLEAR_IPSEC_ENTRY, false, "ADDRESS PROTOCOL SPI", NULL,
     "Delete the IPsec SA with this destination, protocol (esp or ah) and SPI, and its other direction"},
    {"clear crypto pki", CLI_NONE, false, NULL, NULL, "Certificates"},
    {"clear crypto pki crls", CLI_PKI_CLEAR_CRLS, false, NULL, NULL, "Forget the revocation lists at hand"},
    {"debug", CLI_NONE, false, NULL, NULL, "Follow what happens"},
    {"debug crypto", CLI_NONE, false, NULL, NULL, "IKE and IPsec"},
    {"debug crypto isakmp", CLI_DEBUG_ID_ISAKMP, false, NULL, "detail;seconds=N",
     "Follow IKEv1 until Ctrl-C; in the shell until undebug all"},
    {"debug crypto ikev2", CLI_DEBUG_ID_IKEV2, false, NULL, "detail;seconds=N", "Follow IKEv2"},
    {"debug crypto ipsec", CLI_DEBUG_ID_IPSEC, false, NULL, "detail;seconds=N", "Follow IPsec SAs"},
    {"debug crypto pki", CLI_NONE, false, NULL, NULL, "Certificates"},
    {"debug crypto pki validation", CLI_DEBUG_ID_PKI_VALIDATION, false, NULL, "seconds=N",
     "Follow how peers' certificates are judged"},
    {"debug crypto pki messages", CLI_DEBUG_ID_PKI_MESSAGES, false, NULL, "seconds=N",
     "Follow SCEP's messages"},
    {"debug crypto pki transactions", CLI_DEBUG_ID_PKI_TRANSACTIONS, false, NULL, "seconds=N",
     "Follow enrolment, and fetches of revocation lists"},
    {"debug crypto condition", CLI_NONE, false, NULL, NULL, "Limit what debug shows, for everybody"},
    {"debug crypto condition peer", CLI_NONE, false, NULL, NULL, "By the peer's address"},
    {"debug crypto condition peer ipv4", CLI_COND_ID_PEER4, false, "ADDRESS", NULL, "One IPv4 address"},
    {"debug crypto condition peer ipv6", CLI_COND_ID_PEER6, false, "ADDRESS", NULL, "One IPv6 address"},
    {"debug crypto condition peer subnet", CLI_COND_ID_SUBNET, false, "ADDRESS [MASK]", NULL,
     "A network: 192.0.2.0 255.255.255.0 or 192.0.2.0/24"},
    {"debug crypto condition local", CLI_NONE, false, NULL, NULL, "By our address"},
    {"debug crypto condition local ipv4", CLI_COND_ID_LOCAL4, false, "ADDRESS", NULL, "An IPv4 address"},
    {"debug crypto condition local ipv6", CLI_COND_ID_LOCAL6, false, "ADDRESS", NULL, "An IPv6 address"},
    {"debug crypto condition isakmp", CLI_NONE, false, NULL, NULL, "IKEv1"},
    {"debug crypto condition isakmp profile", CLI_COND_ID_PROFILE1, false, "NAME", NULL, "An ISAKMP profile"},
    {"debug crypto condition ikev2", CLI_NONE, false, NULL, NULL, "IKEv2"},
    {"debug crypto condition ikev2 profile", CLI_COND_ID_PROFILE2, false, "NAME", NULL, "An IKEv2 profile"},
    {"debug crypto condition fvrf", CLI_COND_ID_FVRF, false, "NAME", NULL, "A front VRF; global: none"},
    {"debug crypto condition connid", CLI_COND_ID_CONNID, false, "NUMBER", NULL, "One IKE SA by its number"},
    {"debug crypto condition spi", CLI_COND_ID_SPI, false, "SPI", NULL, "The IKE SA of an IPsec SA"},
    {"debug crypto condition cookie", CLI_COND_ID_COOKIE, false, "HEX", NULL,
     "One negotiation, by a cookie or SPI of its IKE SA: 16 digits"},
    {"debug crypto condition unmatched", CLI_COND_ID_UNMATCHED, false, NULL, NULL,
     "Also what does not know yet whether it fits"},
    {"debug crypto condition reset", CLI_COND_ID_RESET, false, NULL, NULL, "No conditions"},
    {"undebug", CLI_NONE, false, NULL, NULL, "Stop following, for everybody"},
    {"undebug all", CLI_UNDEBUG_ALL, false, NULL, NULL, "Everything"},
    {"undebug crypto", CLI_NONE, false, NULL, NULL, "IKE and IPsec"},
    {"undebug crypto isakmp", CLI_UNDEBUG_ISAKMP, false, NULL, NULL, "IKEv1"},
    {"undebug crypto ikev2", CLI_UNDEBUG_IKEV2, false, NULL, NULL, "IKEv2"},
    {"undebug crypto ipsec", CLI_UNDEBUG_IPSEC, false, NULL, NULL, "IPsec SAs"},
    {"undebug crypto pki", CLI_UNDEBUG_PKI, false, NULL, NULL, "Certificates"},
    {"no", CLI_NONE, false, NULL, NULL, "Undo"},
    {"no debug", CLI_NONE, false, NULL, NULL, "As undebug"},
    {"no debug all", CLI_UNDEBUG_ALL, false, NULL, NULL, "Everything"},
    {"no debug crypto", CLI_NONE, false, NULL, NULL, "IKE and IPsec"},
    {"no debug crypto isakmp", CLI_UNDEBUG_ISAKMP, false, NULL, NULL, "IKEv1"},
    {"no debug crypto ikev2", CLI_UNDEBUG_IKEV2, false, NULL, NULL, "IKEv2"},
    {"no debug crypto ipsec", CLI_UNDEBUG_IPSEC, false, NULL, NULL, "IPsec SAs"},
    {"no debug crypto pki", CLI_UNDEBUG_PKI, false, NULL, NULL, "Certificates"},
    {"no debug crypto condition", CLI_COND_ID_RESET, false, NULL, NULL, "No conditions"},
    {"no crypto", CLI_NONE, false, NULL, NULL, "Certificates"},
    {"no crypto pki", CLI_NONE, false, NULL, NULL, "Certificates"},
    {"no crypto pki enroll", CLI_PKI_CANCEL, false, "TRUSTPOINT", NULL, "End an enrolment that is under way"},
    {"crypto", CLI_NONE, false, NULL, NULL, "Certificates and keys"},
    {"crypto pki", CLI_NONE, false, NULL, NULL, "Certificates"},
    {"crypto pki authenticate", CLI_PKI_AUTHENTICATE, false, "TRUSTPOINT",
     "yes;terminal;url=FILE;timeout=SECONDS",
     "Get the certificate of the trust-point's CA and confirm its fingerprint"},
    {"crypto pki enroll", CLI_PKI_ENROLL, false, "TRUSTPOINT", "timeout=SECONDS",
     "Request our certificate; for enrollment terminal the request is printed"},
    {"crypto pki import", CLI_PKI_IMPORT, false, "TRUSTPOINT FORMAT [PASSWORD]",
     "exportable;terminal;url=FILE",
     "Install a certificate, or pem or pkcs12 with the key, from the terminal or a file"},
    {"crypto pki export", CLI_PKI_EXPORT, false, "TRUSTPOINT FORMAT [PASSWORD]",
     "terminal;url=FILE;key;3des;des;aes",
     "Certificates as pem; with a password, or as pkcs12, the key, too, if it is exportable"},
    {"crypto pki crl", CLI_NONE, false, NULL, NULL, "Revocation lists"},
    {"crypto pki crl request", CLI_PKI_CRL_REQUEST, false, "TRUSTPOINT", NULL, "Fetch the CRL of its CA now"},
    {"crypto key", CLI_NONE, false, NULL, NULL, "Key pairs"},
    {"crypto key generate", CLI_NONE, false, NULL, NULL, "Make a key pair"},
    {"crypto key generate rsa", CLI_KEY_GENERATE_RSA, false, NULL,
     "label=LABEL;modulus=BITS;exportable;general-keys;yes", "RSA, 2048 bits unless it says otherwise"},
    {"crypto key generate ec", CLI_KEY_GENERATE_EC, false, NULL, "label=LABEL;keysize=BITS;exportable;yes",
     "ECDSA on P-256, P-384 or P-521"},
    {"crypto key generate ed25519", CLI_KEY_GENERATE_ED25519, false, NULL, "label=LABEL;exportable;yes",
     "Ed25519"},
    {"crypto key import", CLI_NONE, false, NULL, NULL, "Install a private key"},
    {"crypto key import rsa", CLI_KEY_IMPORT, false, "LABEL [PASSWORD]",
     "pem;exportable;terminal;url=FILE;yes", "RSA, in PEM"},
    {"crypto key import ec", CLI_KEY_IMPORT_EC, false, "LABEL [PASSWORD]",
     "pem;exportable;terminal;url=FILE;yes", "ECDSA or Ed25519, in PEM"},
    {"crypto key export", CLI_NONE, false, NULL, NULL, "Print a private key, encrypted, if it is exportable"},
    {"crypto key export rsa", CLI_KEY_EXPORT, false, "LABEL [PASSWORD]", "pem;terminal;url=FILE;3des;des;aes",
     "RSA, in PEM"},
    {"crypto key export ec", CLI_KEY_EXPORT, false, "LABEL [PASSWORD]", "pem;terminal;url=FILE;3des;des;aes",
     "ECDSA or Ed25519, in PEM"},
    {"crypto key zeroize", CLI_NONE, false, NULL, NULL, "Remove key pairs"},
    {"crypto key zeroize rsa", CLI_KEY_ZEROIZE, false, "[LABEL]", "yes", "RSA, all or one"},
    {"crypto key zeroize ec", CLI_KEY_ZEROIZE_EC, false, "[LABEL]", "yes", "ECDSA and Ed25519, all or one"},
    {"up", CLI_UP, false, "TUNNEL [SEQ]", "timeout=SECONDS",
     "Start negotiating a tunnel, a line of a crypto map (MAP#SEQ.ACE) or an entry (MAP SEQ), wait for the "
     "outcome"},
    {"down", CLI_DOWN, false, "TUNNEL [SEQ]", "timeout=SECONDS", "Delete its SAs at both ends"},
    {"rekey", CLI_REKEY, false, "TUNNEL [ike]", NULL, "Rekey a tunnel's child SA now, or its IKE SA"},
    {"ping", CLI_PING, false, "ADDRESS",
     "vrf=NAME;source=IF-OR-ADDRESS;repeat=N;size=OCTETS;timeout=SECONDS;df-bit",
     "ICMP echo from this gateway"},
    {"ping vrf", CLI_PING, false, "NAME ADDRESS",
     "source=IF-OR-ADDRESS;repeat=N;size=OCTETS;timeout=SECONDS;df-bit", "ICMP echo in a VRF"},
    {"platform", CLI_NONE, false, NULL, NULL, "The data plane"},
    {"platform workers", CLI_PLATFORM_WORKERS, false, "N", NULL,
     "Add workers to the running data plane, or have added ones leave, until the configuration says "
     "another number"},
    {"platform rebalance", CLI_PLATFORM_REBALANCE, false, NULL, "bucket=N;worker=N",
     "Even out the workers by what the last second brought, or move one bucket of SAs to a worker"},
    {"reload", CLI_RELOAD, false, NULL, NULL, "Read the configuration file again: all of it or nothing"},
};
const unsigned cli_row_count = sizeof cli_rows / sizeof cli_rows[0];

/* ---- words of a path ------------------------------------------------------------------------------------------- */
/* The n-th word (0-based) of a space separated text; false when it has fewer. */
static bool word_at(const char *text, unsigned n, char out[WORD_MAX])
{
    const char *s = text;
    for (; s && n > 0; n--) {
        s = strchr(s, ' ');
        s = s ? s + 1 : NULL;
    }
    if (!s)
        return false;
    size_t len = strcspn(s, " ");
    snprintf(out, WORD_MAX, "%.*s", (int)len, s);
    return true;
}

static unsigned word_count(const char *text)
{
    unsigned n = 1;
    for (const char *s = text; *s; s++)
        n += *s == ' ';
    return n;
}

/* True when row lies below the first `depth` words of `path`. */
static bool row_below(const struct cli_row *row, const char *path, unsigned depth)
{
    char a[WORD_MAX], b[WORD_MAX];
    for (unsigned i = 0; i < depth; i++)
        if (!word_at(row->words, i, a) || !word_at(path, i, b) || strcmp(a, b) != 0)
            return false;
    return true;
}

/* The row whose next word after `path` (depth words) is `text` or begins with it, uniquely. NULL: none, or several
 * (then *several lists them). Rows of one inner word stand together, the word itself first. */
static const struct cli_row *next_row(const char *path, unsigned depth, const char *text, char *several,
                                      size_t several_len)
{
    const struct cli_row *found = NULL;
    unsigned matches = 0;
    char w[WORD_MAX];
    several[0] = '\0';
    for (unsigned i = 0; i < cli_row_count; i++) {
        const struct cli_row *row = &cli_rows[i];
        if (word_count(row->words) != depth + 1 || !row_below(row, path, depth) ||
            !word_at(row->words, depth, w) || strncmp(w, text, strlen(text)) != 0)
            continue;
        if (strcmp(w, text) == 0)
            return row;
        size_t used = strlen(several);
        snprintf(several + used, several_len - used, "%s%s", matches ? ", " : "", w);
        matches++;
        found = row;
    }
    return matches == 1 ? found : NULL;
}

static void list_next(const char *path, unsigned depth, char *out, size_t out_len)
{
    char w[WORD_MAX];
    out[0] = '\0';
    for (unsigned i = 0; i < cli_row_count; i++) {
        if (word_count(cli_rows[i].words) != depth + 1 || !row_below(&cli_rows[i], path, depth) ||
            !word_at(cli_rows[i].words, depth, w))
            continue;
        size_t used = strlen(out);
        snprintf(out + used, out_len - used, "%s%s", used ? ", " : "", w);
    }
}

/* ---- options ----------------------------------------------------------------------------------------------------- */
/* The n-th option of "a;b=X": its word and whether it takes a value. */
static bool option_at(const char *options, unsigned n, char word[WORD_MAX], char value[WORD_MAX])
{
    const char *s = options;
    for (; s && n > 0; n--) {
        s = strchr(s, ';');
        s = s ? s + 1 : NULL;
    }
    if (!s || !*s)
        return false;
    size_t len = strcspn(s, ";"), name = strcspn(s, ";=");
    snprintf(word, WORD_MAX, "%.*s", (int)name, s);
    value[0] = '\0';
    if (name < len)
        snprintf(value, WORD_MAX, "%.*s", (int)(len - name - 1), s + name + 1);
    return true;
}

static bool option_find(const struct cli_row *row, const char *text, char word[WORD_MAX],
                        char value[WORD_MAX])
{
    char w[WORD_MAX], v[WORD_MAX];
    unsigned matches = 0;
    if (strncmp(text, "--", 2) == 0)
        text += 2;
    for (unsigned i = 0; *text && option_at(row->options, i, w, v); i++) {
        bool whole = strcmp(w, text) == 0;
        if (!whole && strncmp(w, text, strlen(text)) != 0)
            continue;
        memcpy(word, w, WORD_MAX);
        memcpy(value, v, WORD_MAX);
        matches++;
        if (whole)
            return true;
    }
    return matches == 1;
}

static cv_result take_option(struct cli_parsed *p, int argc, const char *const *argv, int *at,
                             const char *expected, char err[CLI_ERR_MAX])
{
    char word[WORD_MAX], value[WORD_MAX];
    if (!option_find(p->row, argv[*at], word, value)) {
        snprintf(err, CLI_ERR_MAX, "'%.60s' is not known after '%s'; expected %s", argv[*at], p->row->words,
                 expected[0] ? expected : "nothing more");
        return CV_EPARSE;
    }
    if (p->opt_count == CLI_OPTS_MAX || (value[0] && *at + 1 >= argc)) {
        snprintf(err, CLI_ERR_MAX, "%s wants %s after it", word, value[0] ? value : "nothing more");
        return CV_EPARSE;
    }
    snprintf(p->opts[p->opt_count].name, sizeof p->opts[0].name, "%s", word);
    p->opts[p->opt_count++].value = value[0] ? argv[++*at] : "";
    ++*at;
    return CV_OK;
}

static void expected_options(const struct cli_row *row, char *out, size_t out_len)
{
    char w[WORD_MAX], v[WORD_MAX];
    out[0] = '\0';
    for (unsigned i = 0; option_at(row->options, i, w, v); i++) {
        size_t used = strlen(out);
        snprintf(out + used, out_len - used, "%s%s%s%s", used ? ", " : "", w, v[0] ? " " : "", v);
    }
}

/* ---- parsing ------------------------------------------------------------------------------------------------------- */
static bool arg_at(const struct cli_row *row, unsigned n, char word[WORD_MAX], bool *optional, bool *rest)
{
    if (!row->args || !word_at(row->args, n, word))
        return false;
    *optional = word[0] == '[';
    *rest = strstr(word, "...") != NULL;
    return true;
}

static cv_result take_rest(struct cli_parsed *p, int argc, const char *const *argv, int at,
                           char err[CLI_ERR_MAX])
{
    char word[WORD_MAX], expected[CLI_ERR_MAX / 2], name[WORD_MAX], value[WORD_MAX];
    bool optional = true, rest = false;
    unsigned n = 0;
    expected_options(p->row, expected, sizeof expected);
    while (at < argc) {
        bool positional = arg_at(p->row, n, word, &optional, &rest) && p->arg_count < CLI_ARGC_MAX;
        if (positional && (!optional || !option_find(p->row, argv[at], name, value))) {
            p->args[p->arg_count++] = argv[at++];
            n += !rest;
            continue;
        }
        CV_TRY(take_option(p, argc, argv, &at, expected, err));
    }
    if (arg_at(p->row, n, word, &optional, &rest) && !optional && !(rest && p->arg_count > 0)) {
        snprintf(err, CLI_ERR_MAX, "%s wants %s after it", p->row->words, word);
        return CV_EPARSE;
    }
    return CV_OK;
}

cv_result cli_parse(int argc, const char *const *argv, struct cli_parsed *out, char err[CLI_ERR_MAX])
{
    char list[CLI_ERR_MAX / 2];
    const char *path = "";
    unsigned depth = 0;
    memset(out, 0, sizeof *out);
    while ((int)depth < argc) {
        const struct cli_row *row = next_row(path, depth, argv[depth], list, sizeof list);
        if (!row && out->row && out->row->id != CLI_NONE && !list[0])
            break; /* arguments begin */
        if (!row) {
            bool several = list[0] != '\0';
            if (!several)
                list_next(path, depth, list, sizeof list);
            snprintf(err, CLI_ERR_MAX, "'%.60s' is %s; expected %s", argv[depth],
                     several ? "ambiguous" : "not a command", list);
            return CV_EPARSE;
        }
        out->row = row;
        path = row->words;
        depth++;
    }
    if (!out->row || out->row->id == CLI_NONE) {
        list_next(path, depth, list, sizeof list);
        snprintf(err, CLI_ERR_MAX, "%s wants a word after it: %s", depth ? path : "the command", list);
        return CV_EPARSE;
    }
    return take_rest(out, argc, argv, (int)depth, err);
}

const char *cli_opt(const struct cli_parsed *p, const char *name)
{
    for (unsigned i = 0; i < p->opt_count; i++)
        if (strcmp(p->opts[i].name, name) == 0)
            return p->opts[i].value;
    return NULL;
}

bool cli_opt_number(const struct cli_parsed *p, const char *name, unsigned lo, unsigned hi, unsigned fallback,
                    unsigned *out, char err[CLI_ERR_MAX])
{
    const char *text = cli_opt(p, name);
    unsigned long v = 0;
    *out = fallback;
    if (!text)
        return true;
    for (const char *s = text; *s && v <= hi; s++)
        v = isdigit((unsigned char)*s) ? v * 10 + (unsigned long)(*s - '0') : (unsigned long)hi + 1;
    if (!*text || v < lo || v > hi) {
        snprintf(err, CLI_ERR_MAX, "%s wants a number from %u to %u, not '%.40s'", name, lo, hi, text);
        return false;
    }
    *out = (unsigned)v;
    return true;
}

/* ---- what may follow -------------------------------------------------------------------------------------------------- */
/* Of options, and of arguments by the name they have in the table. */
static const struct {
    const char *word, *help;
} helps[] = {
    {"detail", "All there is to say"},
    {"detailed", "All there is to say"},
    {"brief", "One line each"},
    {"count", "How many"},
    {"reveal", "In clear"},
    {"json", "As JSON"},
    {"local", "Those of one address of ours"},
    {"remote", "Those of one peer"},
    {"peer", "Those of one peer"},
    {"interface", "Those of one interface"},
    {"map", "Those of one crypto map"},
    {"tag", "One crypto map"},
    {"fvrf", "Those whose outside is in one VRF; global: none"},
    {"vrf", "In one VRF; global: none"},
    {"spi", "The one with this SPI, of either direction"},
    {"seconds", "End by itself"},
    {"timeout", "How long to wait, in seconds"},
    {"source", "From this address, or that of this interface"},
    {"repeat", "How many"},
    {"bucket", "Of inbound SAs: the low six bits of their SPIs"},
    {"worker", "That is to have it, counted from 0"},
    {"size", "Octets of the IP packet"},
    {"df-bit", "Do not fragment"},
    {"ADDRESS", "An IPv4 or IPv6 address"},
    {"PROTOCOL", "esp or ah"},
    {"MASK", "A mask, as in 255.255.255.0"},
    {"CONN-ID", "Number of an IKE SA, as show crypto isakmp sa has it"},
    {"NUMBER", "Number of an IKE SA, as show crypto isakmp sa has it"},
    {"SPI", "As in 0x1234ABCD"},
    {"HEX", "16 hexadecimal digits, as cookie_i and cookie_r of show crypto isakmp sa"},
    {"IF", "An interface, as in Tunnel1"},
    {"IF-OR-ADDRESS", "An interface, as in Loopback0, or an address"},
    {"NAME", "A name of the configuration"},
    {"TUNNEL", "A tunnel interface, a crypto map's line, or a crypto map"},
    {"SEQ", "Sequence number of the crypto map's entry"},
    {"N", "A number"},
    {"OCTETS", "A number"},
    {"SECONDS", "A number"},
    {"FILE", "Path of a file"},
    {"verbose", "All there is to say"},
    {"status", "Keys, CA, certificate, and how enrolment stands"},
    {"yes", "Without asking back"},
    {"terminal", "Pasted here, or printed here"},
    {"url", "From or to a file, as in file:gw.pem"},
    {"exportable", "The private key may be exported"},
    {"key", "With the private key; a password is asked for"},
    {"3des", "As on IOS; encrypted with AES-256 all the same"},
    {"des", "As on IOS; encrypted with AES-256 all the same"},
    {"aes", "Encrypted with AES-256, which is what there is"},
    {"pem", "In PEM, which is what there is"},
    {"label", "The name of the key pair"},
    {"modulus", "Bits of an RSA key"},
    {"keysize", "Bits of the curve: 256, 384, 521"},
    {"general-keys", "One key pair for everything, which is what there is"},
    {"TRUSTPOINT", "A trust-point of the configuration"},
    {"FORMAT", "certificate, pem or pkcs12"},
    {"PASSWORD", "Of the private key; asked for when it is left out"},
    {"LABEL", "The name of a key pair"},
    {"BITS", "A number"},
};

/* By a word of the table, "[ADDRESS]" and "NAME..." without what stands around; "" none. */
static const char *help_of(const char *word)
{
    size_t n = strcspn(word += word[0] == '[', "].");
    for (size_t i = 0; i < sizeof helps / sizeof helps[0]; i++)
        if (strlen(helps[i].word) == n && strncmp(helps[i].word, word, n) == 0)
            return helps[i].help;
    return "";
}

/* Where the words after a row's own have led. */
struct place {
    unsigned positional;    /* so many arguments are there */
    bool rest_begun, wrong; /* wrong: nothing may follow */
    unsigned used;          /* options, a bit each in the order of the row */
    char value[WORD_MAX];   /* an option waits for this; "" none */
};

static void use_option(const struct cli_row *row, const char *word, struct place *p)
{
    char w[WORD_MAX], v[WORD_MAX];
    for (unsigned i = 0; i < 32 && option_at(row->options, i, w, v); i++)
        if (strcmp(w, word) == 0)
            p->used |= 1u << i;
}

static struct place walk(const struct cli_row *row, int argc, const char *const *argv)
{
    struct place p = {0};
    char w[WORD_MAX], name[WORD_MAX], value[WORD_MAX];
    bool optional, rest;
    for (int i = 0; i < argc; i++) {
        bool option = option_find(row, argv[i], name, value);
        if (arg_at(row, p.positional, w, &optional, &rest) && !(optional && option)) {
            p.positional += !rest;
            p.rest_begun |= rest;
            continue;
        }
        p.wrong |= !option;
        if (!option)
            break;
        use_option(row, name, &p);
        if (value[0] && ++i >= argc)
            memcpy(p.value, value, sizeof p.value);
    }
    return p;
}

/* An inner word of the same name is listed already. */
static bool is_inner(const struct cli_row *row, const char *word)
{
    char w[WORD_MAX];
    for (unsigned i = 0; i < cli_row_count; i++)
        if (word_count(cli_rows[i].words) == word_count(row->words) + 1 &&
            row_below(&cli_rows[i], row->words, word_count(row->words)) &&
            word_at(cli_rows[i].words, word_count(row->words), w) && strcmp(w, word) == 0)
            return true;
    return false;
}

static void next_of_row(const struct cli_row *row, int argc, const char *const *argv, const char *prefix,
                        void (*fn)(void *ctx, const char *word, const char *help), void *ctx)
{
    char w[WORD_MAX], v[WORD_MAX];
    bool optional, rest, missing = false;
    struct place p = walk(row, argc, argv);
    if (p.wrong)
        return;
    if (p.value[0]) {
        if (!*prefix)
            fn(ctx, p.value, help_of(p.value));
        return;
    }
    if (arg_at(row, p.positional, w, &optional, &rest)) {
        if (!*prefix)
            fn(ctx, w, help_of(w));
        missing = !optional && !p.rest_begun;
    }
    for (unsigned i = 0; !missing && option_at(row->options, i, w, v); i++)
        if (!(p.used >> i & 1u) && strncmp(w, prefix, strlen(prefix)) == 0 &&
            !(argc == 0 && is_inner(row, w)))
            fn(ctx, w, help_of(w));
    if (!*prefix && !missing)
        fn(ctx, "<cr>", "");
}

void cli_next(int argc, const char *const *argv, const char *prefix,
              void (*fn)(void *ctx, const char *word, const char *help), void *ctx)
{
    char list[CLI_ERR_MAX], w[WORD_MAX];
    const struct cli_row *row = NULL;
    const char *path = "";
    unsigned depth = 0;
    for (; (int)depth < argc; depth++) {
        const struct cli_row *next = next_row(path, depth, argv[depth], list, sizeof list);
        if (!next)
            break;
        row = next;
        path = row->words;
    }
    if ((int)depth < argc && (!row || row->id == CLI_NONE))
        return;
    for (unsigned i = 0; (int)depth == argc && i < cli_row_count; i++)
        if (word_count(cli_rows[i].words) == depth + 1 && row_below(&cli_rows[i], path, depth) &&
            word_at(cli_rows[i].words, depth, w) && strncmp(w, prefix, strlen(prefix)) == 0)
            fn(ctx, w, cli_rows[i].help);
    if (row && row->id != CLI_NONE)
        next_of_row(row, argc - (int)depth, argv + depth, prefix, fn, ctx);
}
