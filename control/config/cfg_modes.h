/* cfg_modes: the mode graph: which commands each section knows and which section encloses it. */
#ifndef CONTROL_CONFIG_CFG_MODES_H
#define CONTROL_CONFIG_CFG_MODES_H

#include "control/config/cfg_match.h"

enum { CFG_TABLES_MAX = 12 };

struct cfg_mode_def {
    const char *prompt; /* "config-if", as IOS has it */
    enum cfg_mode parent;
    unsigned table_count;
    struct cfg_cmd_table tables[CFG_TABLES_MAX];
};

struct cfg_mode_def cfg_mode(enum cfg_mode m);

#endif
