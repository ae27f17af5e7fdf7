#include "control/config/cfg_ifname.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { UNITS_MAX = 4, UNIT_NUMBER_MAX = 2147483647 };

static const struct {
    const char *name;
    enum cv_if_kind kind;
} types[] = {
    {"Ethernet", CV_IF_PORT},
    {"FastEthernet", CV_IF_PORT},
    {"GigabitEthernet", CV_IF_PORT},
    {"TwoGigabitEthernet", CV_IF_PORT},
    {"TenGigabitEthernet", CV_IF_PORT},
    {"TwentyFiveGigE", CV_IF_PORT},
    {"FortyGigabitEthernet", CV_IF_PORT},
    {"HundredGigE", CV_IF_PORT},
    {"Loopback", CV_IF_LOOPBACK},
    {"Tunnel", CV_IF_TUNNEL},
};
enum { TYPES = sizeof types / sizeof types[0] };

/* Index of the only type that starts with these letters; -1 when none or several do. */
static int type_of(const char *text, size_t n)
{
    int found = -1;
    for (int i = 0; n > 0 && i < TYPES; i++) {
        if (strncasecmp(types[i].name, text, n) != 0)
            continue;
        if (types[i].name[n] == '\0')
            return i;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

static size_t letters(const char *text)
{
    size_t n = 0;
    while (isalpha((unsigned char)text[n]))
        n++;
    return n;
}

bool cfg_ifname_is_type(const char *text)
{
    size_t n = letters(text);
    return n > 0 && text[n] == '\0' && type_of(text, n) >= 0;
}

/* "0", "0/0/1": numbers apart by "/" into out without leading zeros. */
static bool unit_of(const char *s, unsigned max_parts, char *out, size_t room)
{
    size_t used = 0;
    for (unsigned part = 0; part < max_parts; part++) {
        if (!isdigit((unsigned char)*s))
            return false;
        char *end;
        unsigned long v = strtoul(s, &end, 10);
        if (v > UNIT_NUMBER_MAX)
            return false;
        int n = snprintf(out + used, room - used, "%s%lu", part ? "/" : "", v);
        if (n < 0 || (size_t)n >= room - used)
            return false;
        used += (size_t)n;
        if (*end == '\0')
            return true;
        if (*end != '/')
            return false;
        s = end + 1;
    }
    return false;
}

bool cfg_ifname_any(const char *text, char out[CV_NAME_MAX], enum cv_if_kind *kind)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");
    const char *unit = text + n;
    if (n < 2 || !isalpha((unsigned char)text[0]) || !isdigit((unsigned char)unit[0]) ||
        unit[strspn(unit, "0123456789/.:")] != '\0')
        return false;
    int t = type_of(text, n);
    int len = t >= 0 ? snprintf(out, CV_NAME_MAX, "%s%s", types[t].name, unit)
                     : snprintf(out, CV_NAME_MAX, "%s", text);
    if (len < 0 || len >= CV_NAME_MAX)
        return false;
    *kind = CV_IF_PORT;
    return t < 0 ||
           types[t].kind == CV_IF_PORT; /* a Loopback or Tunnel has one number: cfg_interface_name knows it */
}

bool cfg_interface_name(const char *text, char out[CV_NAME_MAX], enum cv_if_kind *kind)
{
    size_t n = letters(text);
    int t = type_of(text, n);
    char unit[CV_NAME_MAX];
    if (t < 0)
        return false;
    const char *rest = text + n;
    rest += strspn(rest, " \t");
    if (!unit_of(rest, types[t].kind == CV_IF_PORT ? UNITS_MAX : 1, unit, sizeof unit))
        return false;
    int len = snprintf(out, CV_NAME_MAX, "%s%s", types[t].name, unit);
    if (len < 0 || len >= CV_NAME_MAX)
        return false;
    if (kind)
        *kind = types[t].kind;
    return true;
}
