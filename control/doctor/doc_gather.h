/* doc_gather: what of this machine the findings need: files of /sys, /proc and /dev, limits, the clock, and what culvert-dp says. */
#ifndef CONTROL_DOCTOR_DOC_GATHER_H
#define CONTROL_DOCTOR_DOC_GATHER_H

#include "control/doctor/doc.h"

/* Reads the configuration `config` and looks at the machine. dp_program is run with --doctor. Changes nothing. */
void doc_gather(struct doc_snapshot *out, const char *config, const char *run_dir, const char *dp_program);
/* The part about each port of out->platform (doc_gather_ports.c). */
void doc_gather_ports(struct doc_snapshot *out);

#endif
