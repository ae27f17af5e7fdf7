/* cfg_flows: what a crypto map stands for, made explicit: one interface of kind CV_IF_FLOW for each permit line of each complete entry of each
 * map that is applied, and one IPsec profile for each entry. The last step of cfg_parse.
 *
 * Nothing of it was written by anybody: what shows, writes or judges a written configuration leaves interfaces with `flow` and
 * profiles with `made` out. */
#ifndef CONTROL_CONFIG_CFG_FLOWS_H
#define CONTROL_CONFIG_CFG_FLOWS_H

#include "control/config/cfg_parser.h"

/* Appends flows, their interfaces and profiles. Errors: more than the data plane has interfaces or policy rows for; names that
 * coincide. Only on a configuration without errors. */
void cfg_flows_make(struct cfg_parser *p);

#endif
