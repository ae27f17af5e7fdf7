/* contract: the texts of the drop reasons. */
#include "common/contract.h"

#include <stddef.h>

static const struct {
    const char *name, *text;
} drops[CV_DROP_COUNT] = {
#define CV_DROP_ROW(id, name, text) [CV_DROP_##id] = {name, text},
    CV_DROP_REASONS(CV_DROP_ROW)
#undef CV_DROP_ROW
};

const char *cv_drop_name(enum cv_drop r)
{
    return (size_t)r < CV_DROP_COUNT ? drops[r].name : "?";
}

const char *cv_drop_text(enum cv_drop r)
{
    return (size_t)r < CV_DROP_COUNT ? drops[r].text : "?";
}
