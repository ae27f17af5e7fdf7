/* contract: the texts of the drop reasons and of engines; what the reasons are to an interface. */
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
    const char *name, *text;
} if_drops[CV_IF_DROP_COUNT] = {
#define CV_IF_DROP_ROW(id, name, text) [CV_IF_DROP_##id] = {name, text},
    CV_IF_DROPS(CV_IF_DROP_ROW)
#undef CV_IF_DROP_ROW
};

enum cv_if_drop cv_if_drop_of(enum cv_drop r)
{
    switch (r) {
    case CV_DROP_NONE:
    case CV_DROP_DUMMY:
    case CV_DROP_NATT_KEEPALIVE:
        return CV_IF_DROP_COUNT;
    case CV_DROP_POLICED:
        return CV_IF_DROP_POLICED;
    case CV_DROP_NO_SA:
    case CV_DROP_UNKNOWN_SPI:
    case CV_DROP_WRONG_PEER:
    case CV_DROP_SEQ_EXHAUSTED:
    case CV_DROP_LIFETIME:
        return CV_IF_DROP_NO_SA;
    case CV_DROP_REPLAY_OLD:
    case CV_DROP_REPLAY_DUP:
        return CV_IF_DROP_REPLAY;
    case CV_DROP_ESP_AUTH:
    case CV_DROP_AH_AUTH:
        return CV_IF_DROP_AUTH;
    case CV_DROP_TS_IN:
    case CV_DROP_TS_OUT:
        return CV_IF_DROP_TS;
    case CV_DROP_TOO_BIG:
        return CV_IF_DROP_TOO_BIG;
    case CV_DROP_GRE_CLEAR:
    case CV_DROP_POLICY_CLEAR:
    case CV_DROP_POLICY_DENY:
    case CV_DROP_ERROR_CLEAR:
        return CV_IF_DROP_POLICY;
    default:
        return CV_IF_DROP_OTHER;
    }
}

const char *cv_if_drop_name(enum cv_if_drop r)
{
    return (size_t)r < CV_IF_DROP_COUNT ? if_drops[r].name : "?";
}

const char *cv_if_drop_text(enum cv_if_drop r)
{
    return (size_t)r < CV_IF_DROP_COUNT ? if_drops[r].text : "?";
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
