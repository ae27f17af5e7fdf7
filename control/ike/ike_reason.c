#include "control/ike/ike_reason.h"

static const struct {
    const char *name, *text;
} reasons[] = {
#define IKE_REASON_ROW(id, name, text) {name, text},
    IKE_REASONS(IKE_REASON_ROW)
#undef IKE_REASON_ROW
};

const char *ike_reason_name(enum ike_reason r)
{
    return (unsigned)r < IKE_REASON_COUNT ? reasons[r].name : "unknown";
}

const char *ike_reason_text(enum ike_reason r)
{
    return (unsigned)r < IKE_REASON_COUNT ? reasons[r].text : "unknown";
}
