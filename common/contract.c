/* contract: the texts of the drop reasons and of engines. */
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

static const struct {
    const char *name, *mode;
} engines[CV_ENGINE_COUNT] = {
#define CV_ENGINE_ROW(id, name, mode) [CV_ENGINE_##id] = {name, mode},
    CV_ENGINES(CV_ENGINE_ROW)
#undef CV_ENGINE_ROW
};
static const struct {
    const char *name, *text;
} whys[CV_ENGINE_WHY_COUNT] = {
#define CV_ENGINE_WHY_ROW(id, name, text) [CV_ENGINE_WHY_##id] = {name, text},
    CV_ENGINE_WHYS(CV_ENGINE_WHY_ROW)
#undef CV_ENGINE_WHY_ROW
};

const char *cv_engine_name(unsigned by)
{
    return by < CV_ENGINE_COUNT ? engines[by].name : "?";
}

const char *cv_engine_mode(unsigned by)
{
    return by < CV_ENGINE_COUNT ? engines[by].mode : "?";
}

const char *cv_engine_why_name(unsigned why)
{
    return why < CV_ENGINE_WHY_COUNT ? whys[why].name : "?";
}

const char *cv_engine_why_text(unsigned why)
{
    return why < CV_ENGINE_WHY_COUNT ? whys[why].text : "?";
}
