/* cfg_refs: every name that a configuration refers to must be there; part of cfg_parse. */
#ifndef CONTROL_CONFIG_CFG_REFS_H
#define CONTROL_CONFIG_CFG_REFS_H

#include "control/config/cfg_parser.h"

/* Adds an error with rule "reference" for each name that is nowhere defined, with the nearest name as remedy. */
void cfg_refs_check(struct cfg_parser *p);

#endif
